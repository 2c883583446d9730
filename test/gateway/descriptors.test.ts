import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { closeFile, descriptorLimit, openDescriptors, openFile, openFileCount } from "../../src/gateway/descriptors.ts";

const HERE = fileURLToPath(import.meta.url);

test("files are counted from their opening to their closing, and those that cannot be opened are not", async () => {
  const opened = await new Promise<number>((resolve, reject) => {
    openFile(HERE, "r", 0, (error, fd) => (error === null ? resolve(fd) : reject(error)));
    // Its descriptor may be there any moment.
    assert.equal(openFileCount(), 1);
  });
  assert.equal(openFileCount(), 1);
  const code = await new Promise((resolve) => openFile(`${HERE}/none`, "r", 0, (error) => resolve(error?.code)));
  assert.equal(code, "ENOTDIR");
  assert.equal(openFileCount(), 1);
  await new Promise<void>((resolve) => closeFile(opened, resolve));
  assert.equal(openFileCount(), 0);
});

test("what the process has open, and may have", () => {
  const before = openDescriptors();
  const fd = openSync(HERE, "r");
  assert.equal(openDescriptors(), before + 1);
  closeSync(fd);
  assert.ok(descriptorLimit() > before);
});
