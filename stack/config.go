package stack

// Config is the whole configuration, as schema.json documents it: what each
// setting means, its range and default stand there.
type Config struct {
	Namespace  string     `json:"namespace"`
	Kubernetes Kubernetes `json:"kubernetes"`
	Images     Images     `json:"images"`
	Postgres   Postgres   `json:"postgres"`
	App        App        `json:"app"`
	Redis      Redis      `json:"redis"`
	Kafka      Kafka      `json:"kafka"`
	Events     Events     `json:"events"`
	CDN        CDN        `json:"cdn"`
}

// Kubernetes says which cluster.
type Kubernetes struct {
	Context string `json:"context"`
}

// Images are what the pods run.
type Images struct {
	Postgres   string `json:"postgres"`
	Redis      string `json:"redis"`
	Workload   string `json:"workload"`
	Shardctl   string `json:"shardctl"`
	PullPolicy string `json:"pullPolicy"`
}

// Resources are a container's.
type Resources struct {
	CPURequest string `json:"cpuRequest"`
	CPULimit   string `json:"cpuLimit"`
	Memory     string `json:"memory"`
}

// Postgres are the shards.
type Postgres struct {
	Shards           int               `json:"shards"`
	InitialShards    int               `json:"initialShards"`
	Buckets          int               `json:"buckets"`
	Drain            []int             `json:"drain"`
	Weights          map[int]int       `json:"weights"`
	Pins             map[int]int       `json:"pins"`
	Moves            Moves             `json:"moves"`
	MaxConnections   int               `json:"maxConnections"`
	Resources        Resources         `json:"resources"`
	Storage          Storage           `json:"storage"`
	Settings         map[string]string `json:"settings"`
	PasswordRotation string            `json:"passwordRotation"`
	Protect          bool              `json:"protect"`
	Disruption       string            `json:"disruption"`
	Rollout          string            `json:"rollout"`
	ZoneSpread       string            `json:"zoneSpread"`
}

// Moves are how buckets go from shard to shard.
type Moves struct {
	Batch    int    `json:"batch"`
	Observe  int    `json:"observe"`
	Scrapers []Peer `json:"scrapers"`
}

// Storage is a volume.
type Storage struct {
	Size  string `json:"size"`
	Class string `json:"class"`
}

// App is the user service.
type App struct {
	Replicas         Replicas  `json:"replicas"`
	CPUTargetPercent int       `json:"cpuTargetPercent"`
	Metrics          []Metric  `json:"metrics"`
	Pool             int       `json:"pool"`
	CacheTTL         int       `json:"cacheTtl"`
	Resources        Resources `json:"resources"`
	Callers          []Peer    `json:"callers"`
}

// Replicas bound the autoscaler.
type Replicas struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

// Metric is one more reason to scale.
type Metric struct {
	Kind    string            `json:"kind"`
	Name    string            `json:"name"`
	Labels  map[string]string `json:"labels"`
	Average string            `json:"average"`
	Total   string            `json:"total"`
}

// Peer may call the app.
type Peer struct {
	Pods       map[string]string `json:"pods"`
	Namespaces map[string]string `json:"namespaces"`
	CIDR       string            `json:"cidr"`
}

// Redis is the cache.
type Redis struct {
	Resources        Resources `json:"resources"`
	MaxMemoryPercent int       `json:"maxMemoryPercent"`
	EvictionPolicy   string    `json:"evictionPolicy"`
	MaxClients       int       `json:"maxClients"`
	PasswordRotation string    `json:"passwordRotation"`
}

// CDN is the edge.
type CDN struct {
	Enabled        bool       `json:"enabled"`
	ZoneID         string     `json:"zoneId"`
	Plan           string     `json:"plan"`
	Mode           string     `json:"mode"`
	Hostname       string     `json:"hostname"`
	Rules          []CDNRule  `json:"rules"`
	BypassPrefixes []string   `json:"bypassPrefixes"`
	BrowserTTL     int        `json:"browserTtl"`
	ZoneSettings   bool       `json:"zoneSettings"`
	TieredCache    bool       `json:"tieredCache"`
	Argo           bool       `json:"argo"`
	Record         *CDNRecord `json:"record"`
	OriginPulls    *CDNPulls  `json:"originPulls"`
	AllowEdge      bool       `json:"allowEdge"`
	EdgeRanges     []string   `json:"edgeRanges"`
}

// CDNRule makes paths cacheable.
type CDNRule struct {
	Ref         string      `json:"ref"`
	Description string      `json:"description"`
	Path        string      `json:"path"`
	Extensions  []string    `json:"extensions"`
	EdgeTTL     int         `json:"edgeTtl"`
	BrowserTTL  int         `json:"browserTtl"`
	Query       CDNQuery    `json:"query"`
	StatusTTLs  []CDNStatus `json:"statusTtls"`
	ServeStale  bool        `json:"serveStale"`
	StrongETags bool        `json:"strongEtags"`
	Armor       bool        `json:"deceptionArmor"`
	Disabled    bool        `json:"disabled"`
}

// CDNQuery is the query string's share of a cache key.
type CDNQuery struct {
	Mode  string   `json:"mode"`
	Names []string `json:"names"`
}

// CDNStatus is an edge lifetime by status code.
type CDNStatus struct {
	From int `json:"from"`
	To   int `json:"to"`
	TTL  int `json:"ttl"`
}

// CDNPulls is the certificate that the edge shows to the origin.
type CDNPulls struct {
	CertificateID string `json:"certificateId"`
	Hostname      string `json:"hostname"`
}

// CDNRecord is a proxied DNS record.
type CDNRecord struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Content string `json:"content"`
}
