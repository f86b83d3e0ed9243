/**
 * Who plays in the demo: two dealerships, three endpoints of third parties, and the people and cars of the story. Plain
 * values; what happens to them stands in story.ts.
 */
import type { Car, Dealership, Person } from '../source-rows.ts';

export const ORANGE: Dealership = {
  id: 3,
  name: 'Orange Motor Group',
  slug: 'orange-motor-group',
  timeZone: 'Australia/Brisbane',
  city: 'Orange',
  state: 'NSW',
  websiteId: 794,
};

export const HARBOUR: Dealership = {
  id: 7,
  name: 'Harbour Cars',
  slug: 'harbour-cars',
  timeZone: 'Sydney',
  city: 'Sydney',
  state: 'NSW',
  websiteId: 801,
};

export const MIA: Person = { first: 'Mia', last: 'Chen', mobile: '0410000001' };
export const ZOE: Person = { first: 'Zoe', last: 'Novak', mobile: '0410000002' };
export const FORESTER: Car = { make: 'Subaru', model: 'Forester', badge: 'Sport', year: 2018 };
export const COROLLA: Car = { make: 'Toyota', model: 'Corolla', badge: 'Ascent', year: 2022 };

/** An endpoint of the demo, all of them on one receiver. */
export interface DemoEndpoint {
  readonly id: string;
  readonly path: string;
  readonly dealership: number;
  readonly version: 'v1' | 'v2' | 'v3';
  readonly on: 'change' | 'create';
  readonly auth: 'bearer' | 'x-authorization';
}

export const CRM: DemoEndpoint = {
  id: 'orange-crm',
  path: '/orange/crm',
  dealership: ORANGE.id,
  version: 'v3',
  on: 'change',
  auth: 'bearer',
};

export const ARCHIVE: DemoEndpoint = {
  id: 'orange-archive',
  path: '/orange/archive',
  dealership: ORANGE.id,
  version: 'v1',
  on: 'create',
  auth: 'bearer',
};

export const DMS: DemoEndpoint = {
  id: 'harbour-dms',
  path: '/harbour/dms',
  dealership: HARBOUR.id,
  version: 'v2',
  on: 'change',
  auth: 'x-authorization',
};

export const ENDPOINTS: readonly DemoEndpoint[] = [CRM, ARCHIVE, DMS];

/** Name and value of the secret that all endpoints refer to: it opens nothing. */
export const TOKEN_NAME = 'DEMO_TOKEN';
export const TOKEN = 'a-token-for-the-demo-only';

/**
 * The endpoints file of the demo, as an operator would write it, but with retries quick enough to watch.
 * @param receiver base URL of the receiver.
 */
export function endpointsFile(receiver: string): string {
  const entries = ENDPOINTS.map(
    ({ id, path, dealership, version, on, auth }) => `
  - id: ${id}
    dealership: ${dealership}
    url: ${receiver}${path}
    version: ${version}
    on: ${on}
    auth: { type: ${auth}, token: { env: ${TOKEN_NAME} } }
    retry: { baseMs: 300, capMs: 2000 }
    limits: { timeoutMs: 5000 }
    allow: { http: true, addresses: ["127.0.0.0/8"] }`,
  );
  return `endpoints:${entries.join('')}\n`;
}
