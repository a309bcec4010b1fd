import { expect, it } from "vitest";
import { unitVector } from "../src/engine/unit.js";

const norm = (vector: readonly number[]): number => Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));

it("makes vectors of length 1, in the same direction", () => {
    expect(unitVector([3, 4])).toEqual([0.6, 0.8]);
    expect(norm(unitVector(Array.from({ length: 576 }, (_, index) => Math.sin(index) * 40)))).toBeCloseTo(1, 12);
});

it("does not lose very large and very small numbers", () => {
    expect(norm(unitVector([1e200, -1e200, 1e199]))).toBeCloseTo(1, 12);
    expect(norm(unitVector([1e-200, 1e-201]))).toBeCloseTo(1, 12);
});

it("leaves a vector of zeros as it is", () => {
    expect(unitVector([0, 0])).toEqual([0, 0]);
    expect(unitVector([])).toEqual([]);
});
