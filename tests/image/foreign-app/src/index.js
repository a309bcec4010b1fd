// CommonJS, bare node:http, and `getLlama()` as its documentation shows it: without an argument.
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const jsonc = require("jsonc-parser");

const { name, version } = require("../package.json");

const TYPES = { ".html": "text/html", ".css": "text/css" };

function configuration() {
	const at = process.argv.indexOf("--conf-docker");
	if (at < 0 || !process.argv[at + 1]) {
		console.error("usage: index.js --conf-docker FILE");
		process.exit(64);
	}
	const file = process.argv[at + 1];
	if (!fs.existsSync(file)) {
		fs.writeFileSync(file, '{\n\t// How long an answer may get, in tokens.\n\t"maxTokens": 40,\n}\n');
	}
	const models = path.join(path.dirname(file), "models");
	const [model] = fs.readdirSync(models).filter((entry) => entry.endsWith(".gguf"));
	return { ...jsonc.parse(fs.readFileSync(file, "utf8")), model: path.join(models, model) };
}

async function load(settings) {
	const { getLlama, LlamaChatSession } = await import("node-llama-cpp");
	const llama = await getLlama();
	const model = await llama.loadModel({ modelPath: settings.model });
	const context = await model.createContext({ contextSize: 512 });
	const session = new LlamaChatSession({ contextSequence: context.getSequence() });
	return {
		about: {
			name,
			gpu: llama.gpu,
			devices: await llama.getGpuDeviceNames(),
			build: llama.buildType,
			layers: model.gpuLayers,
		},
		say: (text) => session.prompt(text, { maxTokens: settings.maxTokens, temperature: 0 }),
	};
}

function page(request, response) {
	const file = path.join("public", request.url === "/" ? "index.html" : path.basename(request.url));
	if (!fs.existsSync(file)) {
		response.writeHead(404).end();
		return;
	}
	response.writeHead(200, { "content-type": TYPES[path.extname(file)] ?? "text/plain" });
	fs.createReadStream(file).pipe(response);
}

async function body(request) {
	const parts = [];
	for await (const part of request) parts.push(part);
	return Buffer.concat(parts).toString();
}

const settings = configuration();
const loading = load(settings);

const server = http.createServer(async (request, response) => {
	const json = (value) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
	if (request.url === "/state/version") json({ version }); // the image's healthcheck asks for it
	else if (request.url === "/about") json((await loading).about);
	else if (request.url === "/say") json({ answer: await (await loading).say(await body(request)) });
	else page(request, response);
});

server.listen(19777);
process.on("SIGTERM", () => process.exit(0));
