// `node load-library.mjs NAME`: whether the loader finds a driver's library, and can load it. A program of
// its own, since the library runs code when it is loaded. Exit 0, or 1 and the loader's words.
const [, , name = ""] = process.argv;
try {
    process.dlopen({ exports: {} }, name);
} catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    if (!words.includes("did not self-register")) { // which it says of all that is no addon, once it is loaded
        process.stdout.write(words.split("\n")[0] ?? "");
        process.exit(1);
    }
}
process.exit(0); // not left to the library
