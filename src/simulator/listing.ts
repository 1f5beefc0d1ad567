/** Pages of a collection, as every listing of the API is shaped. */

/** Cuts out the page that `pageNumber` (from 1) and `pageSize` name. @default the first 25 */
export function pageOf<Item>(items: readonly Item[], page: { pageNumber?: number; pageSize?: number }) {
  const pageSize = page.pageSize ?? 25;
  const pageNumber = page.pageNumber ?? 1;
  return {
    entities: items.slice((pageNumber - 1) * pageSize, pageNumber * pageSize),
    pageSize,
    pageNumber,
    total: items.length,
    pageCount: Math.ceil(items.length / pageSize),
  };
}

/** The page a query string asks for; nonsense counts as absent. */
export function readPage(query: URLSearchParams) {
  return { pageNumber: readCount(query.get("pageNumber")), pageSize: readCount(query.get("pageSize")) };
}

function readCount(value: string | null) {
  const count = Number(value);
  return Number.isInteger(count) && count > 0 ? count : undefined;
}
