// Package cdn puts Cloudflare's cache in front of an application: one cache ruleset for
// the zone, the zone's own settings, tiered caching and, optionally, Argo and a proxied
// DNS record.
//
// Rules are data. The given rules cache. Two rules that the package adds itself come
// last, where Cloudflare lets them win, and keep every API and authenticated path out
// of the cache. No setting removes them. A zone that still has page rules may keep
// them, see ModePageRules: there everything is bypassed except what a rule names.
//
// # What may be known only during the deployment
//
// The zone, the name and content of the DNS record, and the certificate and host name
// of origin pulls are inputs: they may be outputs of other resources, such as a zone
// created in the same program or the host name of a load balancer. Cloudflare checks
// such values. Everything else decides which resources exist, and is a plain value.
//
// # Who may reach the origin
//
// Three things decide who may reach the origin apart from the edge: the application's
// NetworkPolicy, which lets nobody in by default and takes the edge's Ranges;
// OriginPulls, a certificate that a proxy in front of the application demands; or a
// tunnel, whose pods alone may connect to the application and whose host name
// (<tunnel>.cfargotunnel.com) is the Record's content, type CNAME.
//
// # The provider
//
// The API token belongs to the provider (`pulumi config set --secret
// cloudflare:apiToken`, or CLOUDFLARE_API_TOKEN). NewProvider creates an explicit
// provider for projects that forbid default ones. Only the files sdk*.go import the
// Cloudflare SDK: it takes long to compile, and its next major version renames much of
// it.
package cdn
