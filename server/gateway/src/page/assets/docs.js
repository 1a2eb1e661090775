// Shows the document of the interface. Nothing is asked of any other host, and nothing is told to one.
"use strict";

Scalar.createApiReference("#app", {
  url: "/api/v2/openapi.json",
  telemetry: false,
  withDefaultFonts: false,
  showDeveloperTools: "never",
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  hiddenClients: true,
  persistAuth: false,
});
