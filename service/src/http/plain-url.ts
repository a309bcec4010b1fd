/** URLs as clients make them of a base URL that ends with a slash, or with a `/v1` too many. Pure. */

/** Without doubled slashes, a slash at the end and a second `/v1`; what follows `?` stays as it is. */
export function plainUrl(url: string): string {
    const [, path = "", query = ""] = /^([^?]*)(.*)$/s.exec(url) ?? [];
    const plain = path.replace(/\/{2,}/g, "/").replace(/^(?:\/v1)+(?=\/v1(?:\/|$))/, "");
    return (plain.length > 1 ? plain.replace(/\/$/, "") : plain) + query;
}
