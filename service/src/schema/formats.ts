/** What `format` may be: how such a text is generated, and how one is checked. Both take a time that grows with the text only. */

import { isIPv4, isIPv6 } from "node:net";
import type { Spend } from "./exact.js";
import { compilePattern } from "./pattern/linear.js";

export interface TextFormat {
    /** What is generated: some of the valid texts, the usual ones. A regular expression; absent: any text. */
    readonly generated?: string;
    /** Whether a text is valid. */
    readonly check: (text: string) => boolean;
}

export interface NumberFormat {
    readonly low: number;
    readonly high: number;
}

const DATE = "(\\d{4}-(0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|\\d{4}-(0[469]|11)-(0[1-9]|[12]\\d|30)|\\d{4}-02-(0[1-9]|1\\d|2[0-8]))";
const YEARS_FROM_1 = DATE.replaceAll("\\d{4}", "(0[0-9]{2}[1-9]|[12]\\d{3})");
const TIME = "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d";
const OFFSET = "(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)";
const LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const HEX4 = "[0-9A-Fa-f]{1,4}";

function matches(pattern: string): (text: string) => boolean {
    let compiled: ReturnType<typeof compilePattern> | undefined;
    return (text) => (compiled ??= compilePattern(pattern)).test(text);
}

function isDate(text: string): boolean {
    const found = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
    if (found === null) {
        return false;
    }
    const [year, month, day] = [Number(found[1]), Number(found[2]), Number(found[3])];
    const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
    const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
    return days !== undefined && day >= 1 && day <= days;
}

const MINUTES_A_DAY = 24 * 60;

/** RFC 3339. A leap second is there only where it is 23:59 UTC. */
function isTime(text: string): boolean {
    const found = /^([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.\d+)?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/.exec(text);
    if (found === null) {
        return false;
    }
    const [, hour, minute, second, sign, offsetHour = "0", offsetMinute = "0"] = found;
    const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * (sign === "-" ? -1 : 1);
    const utc = (Number(hour) * 60 + Number(minute) - offset + 2 * MINUTES_A_DAY) % MINUTES_A_DAY;
    return second !== "60" || utc === MINUTES_A_DAY - 1;
}

function isDateTime(text: string): boolean {
    const at = text.search(/[Tt]/);
    return at > 0 && isDate(text.slice(0, at)) && isTime(text.slice(at + 1));
}

const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
/** What RFC 3986 lets stand in a URI. */
const URI_CHARACTERS = "([A-Za-z0-9._~:/?#\\[\\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*";

const EMAIL: TextFormat = {
    generated: "^[A-Za-z0-9_+-]{1,32}(\\.[A-Za-z0-9_+-]{1,32})?@([A-Za-z0-9]{1,32}(-[A-Za-z0-9]{1,16})?\\.){1,3}[A-Za-z]{2,12}$",
    check: matches(`^${ATOM}(\\.${ATOM})*@${LABEL}(\\.${LABEL})*$`),
};

const isHost = matches(`^${LABEL}(\\.${LABEL})*$`);

const anyText: TextFormat = { check: () => true };

export const TEXT_FORMATS: Readonly<Record<string, TextFormat>> = {
    date: { generated: `^${YEARS_FROM_1}$`, check: isDate },
    time: { generated: `^${TIME}(\\.\\d{1,6})?${OFFSET}$`, check: isTime },
    "date-time": { generated: `^${YEARS_FROM_1}T${TIME}(\\.\\d{1,6})?${OFFSET}$`, check: isDateTime },
    duration: {
        generated: "^P(\\d{1,3}W|\\d{1,4}D(T\\d{1,2}H(\\d{1,2}M)?)?|T(\\d{1,3}H(\\d{1,2}M(\\d{1,2}S)?)?|\\d{1,3}M(\\d{1,2}S)?|\\d{1,4}S))$",
        check: matches("^P(\\d+W|(\\d+Y(\\d+M(\\d+D)?)?|\\d+M(\\d+D)?|\\d+D)(T(\\d+H(\\d+M(\\d+S)?)?|\\d+M(\\d+S)?|\\d+(\\.\\d+)?S))?|T(\\d+H(\\d+M(\\d+(\\.\\d+)?S)?)?|\\d+M(\\d+(\\.\\d+)?S)?|\\d+(\\.\\d+)?S))$"),
    },
    email: EMAIL,
    "idn-email": { generated: EMAIL.generated ?? "", check: matches("^[^\\s@]+@[^\\s@]+$") },
    hostname: { generated: "^[a-z0-9]{1,20}(-[a-z0-9]{1,20})?(\\.[a-z0-9]{1,20}(-[a-z0-9]{1,20})?){0,3}$", check: (text) => text.length < 254 && isHost(text) },
    ipv4: { generated: "^((25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)\\.){3}(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)$", check: isIPv4 },
    ipv6: { generated: `^${HEX4}(:${HEX4}){7}$`, check: (text) => isIPv6(text) && !text.includes("%") },
    uri: {
        generated: "^[a-z][a-z0-9+.-]{1,12}://[A-Za-z0-9]{1,40}([.-][A-Za-z0-9]{1,40}){0,5}(:\\d{1,4})?(/[A-Za-z0-9._~!$&'()*+,;=:@-]*)*(\\?[A-Za-z0-9._~!$&'()*+,;=:@/-]*)?(#[A-Za-z0-9._~-]*)?$",
        check: matches(`^[A-Za-z][A-Za-z0-9+.-]*:${URI_CHARACTERS}$`),
    },
    "uri-reference": { generated: "^(/[A-Za-z0-9._~!$&'()*+,;=:@-]+)+(\\?[A-Za-z0-9._~!$&'()*+,;=:@/-]*)?$", check: matches(`^${URI_CHARACTERS}$`) },
    uuid: { generated: "^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", check: matches("^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$") },
    "json-pointer": { generated: "^(/[A-Za-z0-9._-]*)*$", check: matches("^(/([^~/]|~[01])*)*$") },
    byte: { generated: "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$", check: matches("^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$") },
    base64: { generated: "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$", check: matches("^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$") },
    password: anyText,
    binary: anyText,
};

/** Of IEEE 754's binary32. */
const LARGEST_FLOAT = 3.4028234663852886e38;

export const NUMBER_FORMATS: Readonly<Record<string, NumberFormat>> = {
    int32: { low: -(2 ** 31), high: 2 ** 31 - 1 },
    // 2^63 - 1 is not a number of JavaScript: the largest below it.
    int64: { low: -(2 ** 63), high: 2 ** 63 - 1024 },
    float: { low: -LARGEST_FLOAT, high: LARGEST_FLOAT },
    double: { low: -Infinity, high: Infinity },
};

export function isKnownFormat(format: string): boolean {
    return Object.hasOwn(TEXT_FORMATS, format) || Object.hasOwn(NUMBER_FORMATS, format);
}

/** For ajv. */
export function checks(spend: Spend): Record<string, object> {
    const texts = Object.entries(TEXT_FORMATS).map(([name, { check }]) => {
        const validate = (text: string): boolean => {
            spend(text.length);
            return check(text);
        };
        return [name, { type: "string", validate }] as const;
    });
    const numbers = Object.entries(NUMBER_FORMATS).map(
        ([name, { low, high }]) => [name, { type: "number", validate: (value: number) => (name.startsWith("int") ? Number.isInteger(value) : true) && value >= low && value <= high }] as const,
    );
    return Object.fromEntries<object>([...texts, ...numbers]);
}
