/** One end of the connection between the service and the engine's process. */

import type { Duplex } from "node:stream";
import { messageOf } from "../errors.js";
import { Decoder, encode } from "./frames.js";

export class Channel {
    private open = true;

    /**
     * @param onMessage is given what arrives. When it throws, the connection ends
     * @param onEnd is called once, with what was wrong; undefined: the other side has closed it
     */
    public constructor(
        private readonly stream: Duplex,
        onMessage: (message: unknown) => void,
        onEnd: (fault: string | undefined) => void,
    ) {
        const decoder = new Decoder();
        const end = (fault?: string): void => {
            if (this.open) {
                this.open = false;
                stream.destroy();
                onEnd(fault);
            }
        };
        stream.on("data", (part: Buffer) => {
            try {
                for (const message of decoder.read(part)) {
                    if (!this.open) {
                        return;
                    }
                    onMessage(message);
                }
            } catch (thrown) {
                end(messageOf(thrown));
            }
        });
        stream.on("error", () => end());
        stream.on("close", () => end());
        stream.on("end", () => end());
    }

    /** Bytes that the other side has not read yet. */
    public get waitingBytes(): number {
        return this.stream.writableLength;
    }

    /** Does nothing once the connection has ended. @throws RangeError when the message is too long */
    public send(message: object): void {
        if (this.open && this.stream.writable) {
            this.stream.cork();
            for (const part of encode(message)) {
                this.stream.write(part);
            }
            this.stream.uncork();
        }
    }

    public close(): void {
        this.open = false;
        this.stream.destroy();
    }
}
