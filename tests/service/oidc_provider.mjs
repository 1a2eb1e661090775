// A real provider of sign-ins (npm oidc-provider) with its own pages for development: whoever gives a name is that person.
// It is told by one line of JSON what it is to be, makes new keys each time, and says when it listens.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { createInterface } from "node:readline";

const told = JSON.parse(await new Promise((resolve) => createInterface({ input: process.stdin }).once("line", resolve)));
const require = createRequire(`${told.modules}/`);
const { Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));
const { exportJWK, generateKeyPair } = await import(pathToFileURL(require.resolve("jose")));

const keys = await Promise.all(["ES256", "RS256", "EdDSA"].map(async (alg) => {
  const { privateKey } = await generateKeyPair(alg, { extractable: true, ...(alg === "EdDSA" ? { crv: "Ed25519" } : {}) });
  return { ...(await exportJWK(privateKey)), alg, use: "sig", kid: `${alg}-${told.generation}` };
}));

// The pages for development know no ways of signing in: whoever gives a name says behind a plus by which one he did.
const ways = {
  pwd: { acr: "urn:example:password", amr: ["pwd"] },
  otp: { acr: "urn:example:two-factors", amr: ["pwd", "otp", "mfa"] },
  key: { acr: "urn:example:key", amr: ["hwk", "mfa"] },
};
const tenMinutesAgo = () => Math.floor(Date.now() / 1000) - 600;
const signedIn = (typed) => {
  const [accountId, way, moment] = typed.split("+");
  return { accountId, ...ways[way], ...(moment === "earlier" ? { ts: tenMinutesAgo() } : {}) };
};
// RFC 9068, 2.2.1.
const ofSignIn = (code) => (code ? { acr: code.acr, amr: code.amr, auth_time: code.authTime } : {});

const roles = (name) => (name.startsWith("dev") ? ["ca-developers"] : []);
const provider = new Provider(told.issuer, {
  jwks: { keys },
  cookies: { keys: ["not a secret: it lives as long as a test"] },
  clients: [
    {
      client_id: "the-service", client_secret: told.secret, redirect_uris: [told.redirect], grant_types: ["authorization_code"],
      response_types: ["code"], require_auth_time: true, id_token_signed_response_alg: told.algorithm ?? "ES256",
    },
    // A program that somebody uses in a browser, and that asks for tokens for the service.
    {
      client_id: "dev-app", token_endpoint_auth_method: "none", redirect_uris: [told.app], grant_types: ["authorization_code"],
      response_types: ["code"], id_token_signed_response_alg: "ES256",
    },
    // A program without a browser. It has no secret, so each of its refresh tokens is good once.
    {
      client_id: "dev-device", token_endpoint_auth_method: "none", application_type: "native", redirect_uris: [], response_types: [],
      grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"], id_token_signed_response_alg: "ES256",
    },
    // One is a program of its own; the tokens of the other are those of somebody who uses it.
    ...["dev-machine", "dev-tool"].map((client_id) => (
      { client_id, client_secret: told.secret, redirect_uris: [], response_types: [], grant_types: ["client_credentials"] }
    )),
  ],
  acrValues: Object.values(ways).map((way) => way.acr),
  claims: { openid: ["sub", "amr"], profile: ["preferred_username", "roles"] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, preferred_username: id, roles: roles(id) }) }),
  extraTokenClaims: (ctx, token) => (
    { roles: roles(token.accountId ?? token.clientId), ...ofSignIn(ctx.oidc.entities.AuthorizationCode) }
  ),
  formats: {
    customizers: {
      jwt: (_, token, made) => {
        if (token.clientId === "dev-tool") made.payload.sub = "dev-bob";
      },
    },
  },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource, client) => ({
        scope: "api code-agent:accounts code-agent:documents code-agent:*", audience: resource, accessTokenTTL: told.lifetime ?? 300, accessTokenFormat: "jwt",
        jwt: { sign: { alg: told.algorithm ?? "ES256" } },
      }),
    },
  },
});
const finished = provider.interactionFinished.bind(provider);
provider.interactionFinished = (request, response, result, options) => (
  finished(request, response, result.login ? { ...result, login: signedIn(result.login.accountId) } : result, options)
);
provider.listen(new URL(told.issuer).port, "127.0.0.1", () => process.stdout.write("listening\n"));
