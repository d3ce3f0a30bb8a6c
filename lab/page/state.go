package page

import "time"

// State is what a browser gets. Counters only grow, unless a pod has gone; rates are
// the browser's to work out.
type State struct {
	At time.Time `json:"at"`
	// Errors are what could not be asked, in words.
	Errors []string `json:"errors"`

	Shards []Shard `json:"shards"`
	// Buckets are the owner's shard id by bucket, -1 for none.
	Buckets []int  `json:"buckets"`
	Moves   []Move `json:"moves"`

	Pods        []Pod        `json:"pods"`
	Autoscalers []Autoscaler `json:"autoscalers"`
	Figures     Figures      `json:"figures"`
	Task        Task         `json:"task"`
	Load        LoadState    `json:"load"`
}

// Shard is one database.
type Shard struct {
	ID    int    `json:"id"`
	Name  string `json:"name"`
	Users int64  `json:"users"`
	// Owned is the number of its buckets.
	Owned int    `json:"owned"`
	Error string `json:"error,omitempty"`
}

// Move is one that has not ended.
type Move struct {
	From    int    `json:"from"`
	To      int    `json:"to"`
	Buckets int    `json:"buckets"`
	State   string `json:"state"`
}

// Pod is one of the stack's.
type Pod struct {
	Name     string `json:"name"`
	Part     string `json:"part"`
	Ready    bool   `json:"ready"`
	Phase    string `json:"phase"`
	Restarts int32  `json:"restarts"`
}

// Autoscaler is a HorizontalPodAutoscaler. CPU and TargetCPU are percents of what the
// pods request, -1 while unknown.
type Autoscaler struct {
	Name      string `json:"name"`
	Replicas  int32  `json:"replicas"`
	Min       int32  `json:"min"`
	Max       int32  `json:"max"`
	CPU       int32  `json:"cpu"`
	TargetCPU int32  `json:"targetCpu"`
}

// Figures are sums over all pods.
type Figures struct {
	Requests  float64 `json:"requests"`
	Failed    float64 `json:"failed"`
	CacheHits float64 `json:"cacheHits"`
	CacheAll  float64 `json:"cacheAll"`
	Published float64 `json:"published"`
	Waiting   float64 `json:"waiting"`
	Lag       float64 `json:"lag"`
	Dead      float64 `json:"dead"`
	// Handled are events that a worker has finished, by worker.
	Handled map[string]float64 `json:"handled"`
	Mails   float64            `json:"mails"`
	// Edge are the edge's answers by cache status, such as HIT.
	Edge map[string]int64 `json:"edge"`
}

// Task is a deployment that a button started.
type Task struct {
	Title   string   `json:"title"`
	Running bool     `json:"running"`
	Error   string   `json:"error,omitempty"`
	Lines   []string `json:"lines"`
}

// LoadState is the bounded load.
type LoadState struct {
	Running bool  `json:"running"`
	Done    int64 `json:"done"`
	Failed  int64 `json:"failed"`
	Of      int64 `json:"of"`
}
