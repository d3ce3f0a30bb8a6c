package rules

import (
	"fmt"
	"strconv"
	"strings"
)

// pageActions are the actions that change what a cache answers, named as in the
// Pulumi SDK. Any other is unknown and an error.
type pageActions struct {
	CacheLevel              string    `json:"cacheLevel"`
	EdgeCacheTTL            *int      `json:"edgeCacheTtl"`
	BrowserCacheTTL         string    `json:"browserCacheTtl"`
	CacheDeceptionArmor     string    `json:"cacheDeceptionArmor"`
	CacheByDeviceType       string    `json:"cacheByDeviceType"`
	ExplicitCacheControl    string    `json:"explicitCacheControl"`
	RespectStrongETag       string    `json:"respectStrongEtag"`
	SortQueryStringForCache string    `json:"sortQueryStringForCache"`
	CacheTTLByStatuses      []pageTTL `json:"cacheTtlByStatuses"`
	CacheKeyFields          *pageKey  `json:"cacheKeyFields"`
}

type pageTTL struct {
	Codes string `json:"codes"`
	TTL   int    `json:"ttl"`
}

// pageKey lacks what the component does not use.
type pageKey struct {
	QueryString struct {
		Names
		Ignore bool `json:"ignore"`
	} `json:"queryString"`
	Host HostKey `json:"host"`
	User UserKey `json:"user"`
}

// apply says the same with the parameters of a cache rule.
func (a *pageActions) apply(p *PageRule) error {
	if err := a.level(p); err != nil {
		return err
	}
	if err := a.browser(p); err != nil {
		return err
	}
	if err := a.edge(p); err != nil {
		return err
	}
	p.SortQuery = a.SortQueryStringForCache
	p.Set.OriginCacheControl = onOff(a.ExplicitCacheControl)
	p.Set.RespectStrongETags = onOff(a.RespectStrongETag)
	a.key(p)
	return p.Set.check()
}

func (a *pageActions) level(p *PageRule) error {
	switch a.CacheLevel {
	case "":
	case "bypass", "cache_everything":
		everything := a.CacheLevel == "cache_everything"
		p.Set.Cache = &everything
	case LevelStandard, LevelNoQuery, LevelIgnoringQuery:
		p.Level = a.CacheLevel
	default:
		return fmt.Errorf("cacheLevel: %q is not known", a.CacheLevel)
	}
	return nil
}

func (a *pageActions) browser(p *PageRule) error {
	if a.BrowserCacheTTL == "" {
		return nil
	}
	ttl, err := strconv.Atoi(a.BrowserCacheTTL)
	switch {
	case err != nil || ttl < 0:
		return fmt.Errorf("browserCacheTtl: %q is not a number of seconds", a.BrowserCacheTTL)
	case ttl == 0:
		p.Set.BrowserTTL = &BrowserTTL{Mode: RespectOrigin}
	default:
		p.Set.BrowserTTL = &BrowserTTL{Mode: OverrideOrigin, Default: &ttl}
	}
	return nil
}

func (a *pageActions) edge(p *PageRule) error {
	if a.EdgeCacheTTL == nil && len(a.CacheTTLByStatuses) == 0 {
		return nil
	}
	ttl := &EdgeTTL{Mode: RespectOrigin}
	if a.EdgeCacheTTL != nil {
		ttl.Mode, ttl.Default = OverrideOrigin, a.EdgeCacheTTL
	}
	for _, t := range a.CacheTTLByStatuses {
		from, to, isRange := strings.Cut(t.Codes, "-")
		if !isRange {
			to = from
		}
		first, err1 := strconv.Atoi(from)
		last, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || first > last {
			return fmt.Errorf("cacheTtlByStatuses: %q is not a status code or a range such as 400-499", t.Codes)
		}
		ttl.StatusCodeTTLs = append(ttl.StatusCodeTTLs, StatusTTL{StatusCodeRanges: []StatusRange{{From: &first, To: &last}}, Value: t.TTL})
	}
	p.Set.EdgeTTL = ttl
	return nil
}

func (a *pageActions) key(p *PageRule) {
	key := &CacheKey{CacheDeceptionArmor: a.CacheDeceptionArmor == "on", CacheByDeviceType: a.CacheByDeviceType == "on"}
	if k := a.CacheKeyFields; k != nil {
		query := k.QueryString.Names
		if k.QueryString.Ignore {
			query = Names{Excludes: []string{"*"}}
		}
		key.CustomKey = &CustomKey{QueryString: &query, Host: &k.Host, User: &k.User}
	}
	if key.CacheDeceptionArmor || key.CacheByDeviceType || key.CustomKey != nil {
		p.Set.CacheKey = key
	}
}

func onOff(value string) *bool {
	if value == "" {
		return nil
	}
	on := value == "on"
	return &on
}
