/**
 * What the numbers in a GGUF file stand for: `ggml_type` and `type_traits` of ggml. The pipeline has the same table
 * in scripts/model/ggml_types.py; a test compares both.
 */

/** Tensor type to elements and bytes of a block. */
export const TENSOR_TYPES: ReadonlyMap<number, readonly [elements: number, bytes: number]> = new Map([
    [0, [1, 4]],
    [1, [1, 2]],
    [2, [32, 18]],
    [3, [32, 20]],
    [6, [32, 22]],
    [7, [32, 24]],
    [8, [32, 34]],
    [9, [32, 40]],
    [10, [256, 84]],
    [11, [256, 110]],
    [12, [256, 144]],
    [13, [256, 176]],
    [14, [256, 210]],
    [15, [256, 292]],
    [16, [256, 66]],
    [17, [256, 74]],
    [18, [256, 98]],
    [19, [256, 50]],
    [20, [32, 18]],
    [21, [256, 110]],
    [22, [256, 82]],
    [23, [256, 136]],
    [24, [1, 1]],
    [25, [1, 2]],
    [26, [1, 4]],
    [27, [1, 8]],
    [28, [1, 8]],
    [29, [256, 56]],
    [30, [1, 2]],
    [34, [256, 54]],
    [35, [256, 66]],
    [39, [32, 17]],
    [40, [64, 36]],
    [41, [128, 18]],
]);

/** Smaller numbers that the table lacks belong to types that ggml has removed. */
export const FIRST_UNKNOWN_TYPE = 42;

/** No type of ggml will have a larger number for long. */
export const LAST_UNKNOWN_TYPE = 1024;

/** Metadata value types of fixed size, and how many bytes they have. */
export const SCALAR_BYTES: ReadonlyMap<number, number> = new Map([
    [0, 1],
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 4],
    [5, 4],
    [6, 4],
    [7, 1],
    [10, 8],
    [11, 8],
    [12, 8],
]);

export const STRING = 8;
export const ARRAY = 9;
