/** What container mode fixes: everything lies beside the configuration file. */

import path from "node:path";
import type { Fixed } from "./parse.js";

/** In the image FILE is /opt/mentator-llm-service/data/mentator-llm-service.conf.jsonc. */
export function fixedInContainer(file: string): Fixed {
    const data = path.dirname(path.resolve(file));
    return {
        port: 19777,
        dbFile: path.join(data, "mentator-llm-service.db"),
        modelDir: path.join(data, "models"),
        toolDir: path.join(data, "tools"),
        toolEnvDir: path.join(data, "toolsenv"),
    };
}
