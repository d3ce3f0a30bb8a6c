// Package cdn puts Cloudflare's cache in front of the app: one cache ruleset
// for the zone, the zone's own settings, tiered caching and, by choice, Argo
// and a proxied DNS record.
//
// Rules are data. Those given cache; two rules that the package adds by itself
// come last, where Cloudflare lets them win, and keep every API and
// authenticated path out of the cache. No setting removes them. A zone that
// still has page rules may keep them, see ModePageRules: there everything is
// bypassed but what a rule names.
//
// # What may be known only during the deployment
//
// The zone, the name and content of the DNS record, and the certificate and host
// name of origin pulls are inputs: they may be outputs of other resources, such
// as a zone made in the same program or the host name of a load balancer. Such a
// value is checked by Cloudflare. Everything else decides which resources exist,
// and is plain.
//
// # Who may reach the origin
//
// Three things decide who may reach the origin beside the edge: the app's
// NetworkPolicy, which lets nobody in by default and takes the edge's Ranges;
// OriginPulls, a certificate that a proxy in front of the app demands; or a
// tunnel, whose pods alone may connect to the app and whose host name
// (<tunnel>.cfargotunnel.com) is the Record's content, type CNAME.
//
// # The provider
//
// The API token belongs to the provider (`pulumi config set --secret
// cloudflare:apiToken`, or CLOUDFLARE_API_TOKEN). NewProvider makes an explicit one
// where a project forbids default providers. This is the only package that imports the Cloudflare SDK, and its files sdk*.go alone do:
// the SDK takes long to compile, and its next major version renames what it has.
package cdn
