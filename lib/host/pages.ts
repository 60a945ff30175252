/** A file of pages, of which a run reads a few and writes fewer. */

import * as host from "host";
import { checked } from "./errno.ts";
import { closeFile, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } from "./file.ts";
import { isOwnFile } from "./own-directory.ts";

/** Bytes of a page. */
export const PAGE_SIZE = 4096;

/** Pages are read when they are first asked for, and written by `save`, all at once. */
export class PagedFile {
  readonly #path: string;
  readonly #pages = new Map<number, Uint8Array<ArrayBuffer>>();
  readonly #changed = new Set<number>();
  /** The first pages of a file that is yet to be. */
  readonly #first: Uint8Array<ArrayBuffer>;
  #fd: number;

  private constructor(path: string, fd: number, first: Uint8Array<ArrayBuffer>) {
    this.#path = path;
    this.#fd = fd;
    this.#first = first;
  }

  /** The file of a path, or undefined if it cannot be opened, for whatever reason, or is another's. */
  static open(path: string): PagedFile | undefined {
    const fd = host.open(path, O_RDWR | O_NOFOLLOW, 0);
    if (fd < 0) return undefined;
    if (isOwnFile(fd)) return new PagedFile(path, fd, new Uint8Array(0));
    closeFile(fd);
    return undefined;
  }

  /** A file that comes into being when it is saved: these pages, and empty ones after them. */
  static filled(path: string, first: Uint8Array<ArrayBuffer>): PagedFile {
    return new PagedFile(path, -1, first);
  }

  /** A page to read; throws SystemError. */
  get(number: number): Uint8Array<ArrayBuffer> {
    const known = this.#pages.get(number);
    if (known) return known;
    const page = this.#isFirst(number) ? this.#firstPage(number) : new Uint8Array(PAGE_SIZE);
    if (this.#fd >= 0) {
      const length = host.readAt(this.#fd, page, number * PAGE_SIZE);
      checked(length, `read page ${number} of "${this.#path}"`);
    }
    this.#pages.set(number, page);
    return page;
  }

  #isFirst(number: number): boolean {
    return number * PAGE_SIZE < this.#first.length;
  }

  #firstPage(number: number): Uint8Array<ArrayBuffer> {
    return this.#first.subarray(number * PAGE_SIZE, (number + 1) * PAGE_SIZE);
  }

  /** A page to write into. */
  change(number: number): Uint8Array<ArrayBuffer> {
    this.#changed.add(number);
    return this.get(number);
  }

  /** Writes what was changed; false if the file system refuses, and then there is no file. */
  save(pages: number): boolean {
    if (this.#fd < 0) this.#create(pages);
    const isWritten = (bytes: Uint8Array, at: number) =>
      host.writeAt(this.#fd, bytes, at) === bytes.length;
    const saved =
      this.#fd >= 0 &&
      (this.#first.length === 0 || isWritten(this.#first, 0)) &&
      Array.from(this.#changed).every(
        (number) => this.#isFirst(number) || isWritten(this.get(number), number * PAGE_SIZE),
      );
    if (!saved) this.discard();
    return saved;
  }

  #create(pages: number): void {
    host.unlink(this.#path);
    this.#fd = host.open(this.#path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    if (this.#fd >= 0) host.truncate(this.#fd, pages * PAGE_SIZE);
  }

  /** Removes the file: nobody is to trust it. */
  discard(): void {
    host.unlink(this.#path);
  }

  /** Closes the file; what was not saved is lost. */
  close(): void {
    if (this.#fd >= 0) closeFile(this.#fd);
    this.#fd = -1;
  }
}
