/** The command line: words in, a command out. */

import { TABLE_FILE } from "./backend/backend.js";

export type Command =
    | { readonly kind: "docker" | "use"; readonly file: string }
    | { readonly kind: "generate"; readonly folder: string }
    | { readonly kind: "version" }
    | { readonly kind: "help" }
    | { readonly kind: "fault"; readonly message: string };

export const HELP = `mentator-llm-service: runs local LLMs behind an HTTP API.

Usage: node distjs/index.js OPTION

  --conf-docker FILE   container mode: reads FILE, writes it with commented defaults when it does
                       not exist; sets port, dbFile, modelDir, toolDir and toolEnvDir itself
  --conf-use FILE      reads FILE, which must hold modelDir and dbFile too
  --conf-gen DIR       writes a commented template into DIR
  --version            prints the version
  --help               prints this text

Environment:
  MENTATOR_BACKEND_CHOICE   a mode of the table of backends (default: cpu)
  MENTATOR_BACKEND_TABLE    that table (default: ${TABLE_FILE})
  MENTATOR_BACKEND_REASON   one line for /state and the log: why this backend
  MENTATOR_HOST             address to listen on (default: all, IPv6 and IPv4, in container mode, else 127.0.0.1)
  MENTATOR_PORT             port instead of the configured one
  MENTATOR_API_KEY          API key instead of the configured one
  MENTATOR_API_KEY_FILE     file with that key, as secrets are mounted
  MENTATOR_STOP_NOTICE      seconds after SIGTERM in which /ready says 503 and requests are still served (default: 0)
  MENTATOR_STOP_DRAIN       seconds that running requests then have, after a notice waiting ones, too (default: 4)

Exit codes: 0 stopped as asked, 2 command line or configuration, 3 backend, 4 address in use,
5 the engine's process ended again and again, 6 the GPU was lost (start it again).
`;

export function parseCommandLine(words: readonly string[]): Command {
    const [option, value, ...rest] = words;
    if (option === undefined) {
        return { kind: "fault", message: "No option is given; --help lists them." };
    }
    if (option === "--help" || option === "-h") {
        return { kind: "help" };
    }
    if (option === "--version") {
        return { kind: "version" };
    }
    if (option !== "--conf-docker" && option !== "--conf-use" && option !== "--conf-gen") {
        return { kind: "fault", message: `Unknown option ${option}; --help lists what there is.` };
    }
    if (value === undefined || value === "") {
        return { kind: "fault", message: `${option} needs a ${option === "--conf-gen" ? "folder" : "file"}.` };
    }
    if (rest.length > 0) {
        return { kind: "fault", message: `Too many arguments after ${option} ${value}: ${rest.join(" ")}` };
    }
    switch (option) {
        case "--conf-docker":
            return { kind: "docker", file: value };
        case "--conf-use":
            return { kind: "use", file: value };
        case "--conf-gen":
            return { kind: "generate", folder: value };
    }
}
