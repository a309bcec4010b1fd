// The image's HEALTHCHECK: exit 0 when the service tells its version, else 1 and one line on stderr.
// Needs nothing but Node: the image has no curl. `node healthcheck.mjs [PORT]`; the container's
// port is fixed, the argument is for a service that was started with a configuration of its own.
import http from 'node:http';

const port = Number(process.argv[2] ?? 19777);
const url = `http://127.0.0.1:${port}/state/version`;
const limitMs = 8000; // for all of it; below the HEALTHCHECK's own --timeout
const limitBytes = 65536;

function end(fault) {
    if (fault) {
        process.stderr.write(`unhealthy: ${url} ${fault}\n`);
    }
    process.exit(fault ? 1 : 0);
}

function faultOf(status, body) {
    if (status !== 200) {
        return `answers ${status}`;
    }
    try {
        const { version } = JSON.parse(body);
        return typeof version === 'string' && version !== '' ? '' : 'answers without a version';
    } catch {
        return 'answers something else than JSON';
    }
}

setTimeout(() => end(`does not answer within ${limitMs / 1000} s`), limitMs);
// agent: false, since Node's own may go through the proxy of the environment.
const request = http.get(url, { agent: false }, (response) => {
    let body = '';
    response.setEncoding('utf8');
    response.on('data', (chunk) => {
        body += chunk;
        if (body.length > limitBytes) {
            end('answers something else than a version');
        }
    });
    response.on('end', () => end(faultOf(response.statusCode, body)));
    response.on('error', (error) => end(`breaks off: ${error.code ?? error.message}`));
});
request.on('error', (error) => end(`cannot be reached: ${error.code ?? error.message}`));
