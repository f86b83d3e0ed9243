/** Why there is no broker: kept apart from services.ts so that whoever fetches or starts something may throw it. */

/** One sentence that a person can act on: what is missing and where it may come from. */
export class ServicesUnavailable extends Error {
  override name = 'ServicesUnavailable';
}
