/** What of a JSON Schema cannot be done, and where it stands. */

export class SchemaRefusal extends Error {
    /**
     * @param path of the schema that holds the keyword, as a JSON pointer after `#`
     * @param keyword that is refused
     */
    public constructor(
        public readonly path: string,
        public readonly keyword: string,
        why: string,
    ) {
        super(`"${keyword}" at ${path} ${why}`);
        this.name = "SchemaRefusal";
    }
}

/** One step further: `name` as JSON pointers write it. */
export function below(path: string, ...names: (string | number)[]): string {
    return [path, ...names.map((name) => String(name).replaceAll("~", "~0").replaceAll("/", "~1"))].join("/");
}
