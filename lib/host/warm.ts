/**
 * Runs once, when the image is built, before any other module: what the engine otherwise makes at
 * first use, in every run anew, is then in the image already.
 */

/** The names of all properties that the script with the product uses: the build knows them. */
declare const WEFT_PROPERTIES: readonly string[];

/** The engine makes a built-in function when somebody asks for it: all that are used are asked for. */
function makeFunctions(): void {
  const iterators = [[].values(), new Map().values(), new Set().values()];
  const types = [
    Object,
    Array,
    String,
    Number,
    Boolean,
    RegExp,
    Error,
    Map,
    Set,
    ArrayBuffer,
    DataView,
    Object.getPrototypeOf(Uint8Array),
    Uint8Array,
    Int32Array,
    Float64Array,
  ];
  const prototypes = types.map(({ prototype }) => prototype);
  const others = [
    globalThis,
    JSON,
    Math,
    Object.getPrototypeOf(Object),
    ...iterators.map((each) => Object.getPrototypeOf(each)),
  ];
  for (const object of [...types, ...prototypes, ...others]) {
    for (const name of [...WEFT_PROPERTIES, ...Object.getOwnPropertySymbols(object)]) {
      Object.getOwnPropertyDescriptor(object, name);
    }
  }
}

/** The table of object shapes grows by writing to every shape there is: it grows now. */
function growShapes(): void {
  let last = {};
  for (let i = 0; i < 300; i++) last = Object.create(last);
}

makeFunctions();
growShapes();
