/** What the build makes of a plugin's JSON Schema (tools/schema.mjs). */
declare module "*.schema.json" {
  /** True if the value fits; otherwise `errors` holds the first thing that does not. */
  export const validate: {
    (value: unknown): boolean;
    errors?:
      | readonly {
          readonly instancePath: string;
          readonly keyword: string;
          readonly params: { readonly [name: string]: unknown };
        }[]
      | null;
  };
  /** Spelling of every key the schema knows, by its lower-case form. */
  export const keys: KeySpellings;
  /** A tree of key spellings; `*` stands for every element of a list. */
  export interface KeySpellings {
    readonly [lowerCase: string]: readonly [spelling: string, below?: KeySpellings];
  }
}
