import { StoreUnavailable } from "../../src/errors";
import { classifyFault, isTransient } from "../../src/store/faults";

const withCode = (code: string, message = "") => Object.assign(new Error(message), { code });

test.each([
  ["SQLITE_FULL", "the disk is full"],
  ["SQLITE_READONLY_DBMOVED", "read-only"],
  ["SQLITE_IOERR_WRITE", "the disk reported an error"],
  ["SQLITE_CORRUPT", "damaged"],
  ["ECONNREFUSED", "cannot be reached"],
  ["57P01", "57P01"],
  ["53100", "53100"],
  ["25P03", "25P03"],
  ["42P01", "not migrated"],
])("%s is trouble of the store: %s", (code, why) => {
  const fault = classifyFault(withCode(code));
  expect(fault).toBeInstanceOf(StoreUnavailable);
  expect(fault).toMatchObject({ code: "store_unavailable", message: expect.stringContaining(why) });
});

test.each(["SQLITE_CONSTRAINT_NOTNULL", "SQLITE_FULLY", "22021", "23502", "42601"])(
  "%s is a mistake of the statement, and stays what it is",
  (code) => {
    const error = withCode(code);
    expect(classifyFault(error)).toBe(error);
  },
);

test.each([
  "timeout exceeded when trying to connect",
  "Connection terminated unexpectedly",
  "Connection terminated due to connection timeout",
  "Query read timeout",
])("what pg says without a code counts as away: %s", (message) => {
  expect(classifyFault(new Error(message))).toBeInstanceOf(StoreUnavailable);
});

test("a refused connection to several addresses counts as away", () => {
  expect(classifyFault(new AggregateError([withCode("ECONNREFUSED")]))).toBeInstanceOf(StoreUnavailable);
});

test("what is no error, or is classified, passes through", () => {
  const classified = new StoreUnavailable("away");
  expect(classifyFault(classified)).toBe(classified);
  expect(classifyFault("text")).toBe("text");
  expect(classifyFault(undefined)).toBeUndefined();
});

test("deadlocks and serialization failures are worth another try, nothing else is", () => {
  expect(["40P01", "40001", "40002", "57P01"].map((code) => isTransient(withCode(code)))).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(isTransient(null)).toBe(false);
});
