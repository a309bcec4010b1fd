/** The commented configuration file that a first start or --conf-gen writes. */

import { type Key, KEYS, SECTIONS } from "./keys.js";

function literal(key: Key): string {
    const value = key.fallback ?? key.example;
    // Whole numbers are written as 0.0 and 1.0 where fractions are allowed, so that a reader sees it.
    return key.type === "number" && Number.isInteger(value) ? `${String(value)}.0` : JSON.stringify(value);
}

function line(key: Key, indent: string, comma: boolean): string {
    const name = key.path.split(".").at(-1) ?? key.path;
    return `${indent}// ${key.comment}\n${indent}"${name}": ${literal(key)}${comma ? "," : ""}\n`;
}

export function configurationTemplate(mode: "docker" | "use"): string {
    const top = KEYS.filter((key) => !key.path.includes("."));
    const written = top.filter((key) => mode === "use" || key.fixedInContainer !== true);
    let text = "// Configuration of mentator-llm-service. A key that is left out takes its default.\n";
    if (mode === "docker") {
        text += "// In a container these are fixed: " + top.map((key) => key.path).join(", ") + "\n";
    }
    text += "{\n" + written.map((key) => line(key, "    ", true)).join("");
    const sections = Object.entries(SECTIONS);
    for (const [index, [section, comment]] of sections.entries()) {
        const keys = KEYS.filter((key) => key.path.startsWith(`${section}.`));
        text += `    // ${comment}\n    "${section}": {\n`;
        text += keys.map((key, at) => line(key, "        ", at < keys.length - 1)).join("");
        text += `    }${index < sections.length - 1 ? "," : ""}\n`;
    }
    return text + "}\n";
}
