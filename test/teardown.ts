/** After all tests: ends the server that setup.ts started. */
export default async function tearDown(): Promise<void> {
  await globalThis.ownPostgres?.stop();
}
