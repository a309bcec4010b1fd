// No compiler: the sources are what runs.
const fs = require("node:fs");

fs.cpSync("src", "distjs", { recursive: true });
