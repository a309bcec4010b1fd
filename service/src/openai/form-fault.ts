/** Which parameter a body's fault of form is about, in OpenAI's notation. Pure. */

/** As ajv and Fastify report it. */
export interface FormFault {
    readonly instancePath?: string;
    readonly params?: { readonly missingProperty?: unknown };
}

/** `messages[0].role`; null where it is the whole body. */
export function parameterOf(faults: readonly FormFault[]): string | null {
    const [first] = faults;
    const missing = first?.params?.missingProperty;
    const steps = (first?.instancePath ?? "").split("/").slice(1).map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
    const names = typeof missing === "string" ? [...steps, missing] : steps;
    return names.length === 0 ? null : names.map((name, index) => (/^\d+$/.test(name) ? `[${name}]` : index === 0 ? name : `.${name}`)).join("");
}
