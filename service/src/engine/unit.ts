/** Vectors of length 1, as OpenAI's embeddings are: their products are then cosines. Pure. */

/** A vector of zeros has no direction, and stays as it is. */
export function unitVector(vector: readonly number[]): number[] {
    // Scaled first: the squares of very large or very small numbers are infinite or zero.
    const largest = vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    if (largest === 0 || !Number.isFinite(largest)) {
        return [...vector];
    }
    const scaled = vector.map((value) => value / largest);
    const norm = Math.sqrt(scaled.reduce((sum, value) => sum + value * value, 0));
    return scaled.map((value) => value / norm);
}
