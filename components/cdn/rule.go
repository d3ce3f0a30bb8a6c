package cdn

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// Rule makes one group of paths cacheable.
type Rule struct {
	// Ref identifies the rule for ever, so that a change updates it and does not create
	// another: 1 to 40 of a-z, 0-9 and "-".
	Ref string `json:"ref" pulumi:"ref" required:"true"`

	// Description is what the dashboard shows. Default: the paths.
	Description string `json:"description" pulumi:"description,optional"`

	// Path is "/folder/*" for everything below a folder, or one exact path.
	Path string `json:"path" pulumi:"path,optional"`

	// Extensions are file extensions without the dot, for example "css". With a Path,
	// both must match. One of the two is required.
	Extensions []string `json:"extensions" pulumi:"extensions,optional"`

	// EdgeTTL is the lifetime at the edge in seconds, at least 7200 on plan free and 3600
	// on pro. It overrides the origin's headers; 0 respects them.
	EdgeTTL int `json:"edgeTtl" pulumi:"edgeTtl,optional" default:"0" min:"0" max:"31536000"`

	// BrowserTTL is the lifetime in browsers in seconds. With cache rules it is at least
	// 7200 on plan free and 3600 on pro; with page rules at least 120, or 30 on enterprise.
	// 0 respects the origin.
	BrowserTTL int `json:"browserTtl" pulumi:"browserTtl,optional" default:"0" min:"0" max:"31536000"`

	// Query says which part of the query string belongs to the cache key.
	Query Query `json:"query" pulumi:"query,optional"`

	// StatusTTLs give responses with some status codes another edge lifetime. Default: a
	// rule with an EdgeTTL does not cache responses 400 to 599, because a file that an old
	// pod does not have yet would otherwise be missing for as long as files are cached.
	// Without an EdgeTTL the default is none, and so it is with page rules below
	// Enterprise, which cannot express it. An empty list means none.
	StatusTTLs []StatusTTL `json:"statusTtls" pulumi:"statusTtls,optional"`

	// ServeStale serves an expired object while the edge fetches a new one, where the
	// origin allows it (stale-while-revalidate). False makes visitors wait.
	ServeStale *bool `json:"serveStale" pulumi:"serveStale,optional" default:"true"`

	// StrongETags passes on the origin's ETags and bytes unchanged. Otherwise the edge may
	// compress responses, which makes their ETags weak.
	StrongETags bool `json:"strongEtags" pulumi:"strongEtags,optional" default:"false"`

	// DeceptionArmor does not cache a response whose Content-Type does not fit the
	// extension in its path, which may be a user's page under a picture's name. It works on
	// every plan, but an EdgeTTL or the origin's Cache-Control may override it, and it
	// mistakes JSON for a script (cloudflare-docs#28820): it is a second line of defence
	// behind the bypass rules.
	DeceptionArmor *bool `json:"deceptionArmor" pulumi:"deceptionArmor,optional" default:"true"`

	// Disabled keeps the rule in the zone without effect.
	Disabled bool `json:"disabled" pulumi:"disabled,optional" default:"false"`
}

// Query is the query string's share of a cache key.
type Query struct {
	// Mode uses the whole query string (all), ignores it (ignore, only for names with a
	// hash), uses the parameters in Names alone (include), or all but these (exclude). The
	// last two need plan enterprise.
	Mode string `json:"mode" pulumi:"mode,optional" default:"all" enum:"all,ignore,include,exclude"`

	// Names are the parameters for the modes include and exclude, at most 100.
	Names []string `json:"names" pulumi:"names,optional"`
}

// The modes of Query.
const (
	// QueryAll makes every query string an object of its own.
	QueryAll = "all"
	// QueryIgnore leaves the query string out: for names with a hash only.
	QueryIgnore = "ignore"
	// QueryInclude takes the named parameters alone (Enterprise).
	QueryInclude = "include"
	// QueryExclude leaves the named parameters out (Enterprise).
	QueryExclude = "exclude"
)

// StatusTTL is the edge lifetime of the responses From <= status <= To.
type StatusTTL struct {
	// From is the first status code.
	From int `json:"from" pulumi:"from" required:"true" min:"100" max:"599"`
	// To is the last status code.
	To int `json:"to" pulumi:"to" required:"true" min:"100" max:"599"`
	// TTL is the lifetime in seconds. 0 asks the origin each time, and -1 keeps
	// nothing.
	TTL *int `json:"ttl" pulumi:"ttl" required:"true" min:"-1" max:"31536000"`
}

// NotKept is the TTL of responses that the edge must not store.
const NotKept = -1

// ErrorsNotKept are the StatusTTLs that keep client and server errors out of the
// cache.
func ErrorsNotKept() []StatusTTL {
	return []StatusTTL{{From: 400, To: 599, TTL: pulumi.IntRef(NotKept)}}
}

// Complete names the rule's paths where nobody described it.
func (r *Rule) Complete() {
	if r.Description == "" {
		r.Description = "Cache " + r.subject()
	}
}
