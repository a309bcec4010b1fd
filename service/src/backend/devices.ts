/** The cards as the entrypoint's probe found them: `MENTATOR_BACKEND_DEVICES`. */

export interface GpuDevice {
    readonly name: string;
    readonly totalVramMb: number;
}

/** @param text `NVIDIA L4: 23034 MiB; NVIDIA L4: 23034 MiB`; what is not of this form is left out */
export function parseDevices(text: string): GpuDevice[] {
    return text.split(";").flatMap((part) => {
        const found = /^(?<name>.+): (?<mib>\d+) MiB$/.exec(part.trim())?.groups;
        return found?.["name"] === undefined ? [] : [{ name: found["name"], totalVramMb: Number(found["mib"]) }];
    });
}
