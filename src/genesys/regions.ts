/** Where an organisation of Genesys Cloud lives. */
import { StartError } from "../errors";

/**
 * AWS region → host suffix; `api.` and `login.` go in front (SDK `PureCloudRegionHosts`).
 * @see https://developer.genesys.cloud/platform/api/
 */
export const hostOfRegion: Readonly<Record<string, string>> = {
  "us-east-1": "mypurecloud.com",
  "us-east-2": "use2.us-gov-pure.cloud",
  "us-west-2": "usw2.pure.cloud",
  "ca-central-1": "cac1.pure.cloud",
  "eu-west-1": "mypurecloud.ie",
  "eu-west-2": "euw2.pure.cloud",
  "eu-central-1": "mypurecloud.de",
  "eu-central-2": "euc2.pure.cloud",
  "eusc-de-east-1": "edee1.eusc-pure.cloud",
  "sa-east-1": "sae1.pure.cloud",
  "mx-central-1": "mxc1.pure.cloud",
  "me-central-1": "mec1.pure.cloud",
  "ap-south-1": "aps1.pure.cloud",
  "ap-southeast-1": "apse1.pure.cloud",
  "ap-southeast-2": "mypurecloud.com.au",
  "ap-northeast-1": "mypurecloud.jp",
  "ap-northeast-2": "apne2.pure.cloud",
  "ap-northeast-3": "apne3.pure.cloud",
};

/**
 * The host suffix of a region given as AWS name (`eu-west-1`, also `eu_west_1`), host (`mypurecloud.ie`) or
 * address (`https://api.mypurecloud.ie/`). Undefined when there is no such region.
 */
export function findRegionHost(region: string): string | undefined {
  const name = region
    .trim()
    .toLowerCase()
    .replace(/^https?:\/\//, "")
    .replace(/\/.*$/, "")
    .replace(/^(api|login|apps)\./, "");
  const aws = name.replaceAll("_", "-");
  if (Object.hasOwn(hostOfRegion, aws)) return hostOfRegion[aws];
  return Object.values(hostOfRegion).find((host) => host === name);
}

/** Whether a URL is of the organisation's own hosts: the only ones that may be shown its token. */
export function ownsUrl(
  url: URL,
  { region, gatewayUrl }: { region?: string | undefined; gatewayUrl?: string | undefined },
): boolean {
  if (gatewayUrl) return URL.canParse(gatewayUrl) && url.origin === new URL(gatewayUrl).origin;
  const host = region === undefined ? undefined : findRegionHost(region);
  if (host === undefined || url.protocol !== "https:" || url.port !== "") return false;
  return url.hostname === host || url.hostname.endsWith(`.${host}`);
}

/** Where to send requests: addresses without a slash at the end. */
export interface Addresses {
  apiUrl: string;
  loginUrl: string;
}

/**
 * The addresses of an organisation; a gateway (a simulator, or an API gateway of the customer) replaces the region.
 * @throws StartError when neither is given, or when one is not known or not an address
 */
export function addressesOf({ region, gatewayUrl }: { region?: string; gatewayUrl?: string }): Addresses {
  if (gatewayUrl) {
    const url = URL.canParse(gatewayUrl) ? new URL(gatewayUrl) : undefined;
    if (!url || !["http:", "https:"].includes(url.protocol) || url.search || url.hash || url.username) {
      throw new StartError("The gateway URL of Genesys Cloud is not an http(s) address without query and credentials");
    }
    const base = url.origin + url.pathname.replace(/\/+$/, "");
    return { apiUrl: base, loginUrl: base };
  }
  if (!region) throw new StartError("Genesys Cloud needs a region or a gateway URL");
  const host = findRegionHost(region);
  if (!host) {
    throw new StartError(`"${region}" is no region of Genesys Cloud; known: ${Object.keys(hostOfRegion).join(", ")}`);
  }
  return { apiUrl: `https://api.${host}`, loginUrl: `https://login.${host}` };
}
