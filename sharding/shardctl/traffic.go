package shardctl

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/api"
	prometheus "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// askWithin limits the queries to Prometheus: a person is waiting.
const askWithin = 10 * time.Second

// traffic is what the services' routers count, in operations per second.
type traffic struct {
	// reads and writes are by bucket, for buckets that were among the busiest.
	reads, writes map[int]float64
	// shards counts the connections that were taken from the pools, by shard name: one
	// for each operation.
	shards map[string]float64
	whole  float64
}

// known is false without Prometheus or without operations.
func (t *traffic) known() bool { return t.whole > 0 }

// trafficQuery says which Prometheus to ask, and about what.
type trafficQuery struct {
	address, match string
	over           time.Duration
}

func (q trafficQuery) read(ctx context.Context) (*traffic, error) {
	client, err := api.NewClient(api.Config{Address: q.address})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	t := &traffic{reads: map[int]float64{}, writes: map[int]float64{}, shards: map[string]float64{}}
	server, rate := prometheus.NewAPI(client), fmt.Sprintf("{%s}[%ds]))", q.match, int(q.over.Seconds()))
	for query, take := range map[string]func(model.Metric, float64) error{
		"sum by (bucket, kind) (rate(scalestack_bucket_operations_total" + rate: t.bucket,
		"sum by (shard) (rate(scalestack_db_pool_acquires_total" + rate: func(m model.Metric, value float64) error {
			t.shards[string(m["shard"])] = value
			return nil
		},
		"sum (rate(scalestack_db_operations_total" + rate: func(_ model.Metric, value float64) error { t.whole = value; return nil },
	} {
		answer, _, err := server.Query(ctx, query, time.Now())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", query, err)
		}
		series, ok := answer.(model.Vector)
		if !ok {
			return nil, fmt.Errorf("%s: the answer is %s, not a vector", query, answer.Type())
		}
		for _, one := range series {
			if err := take(one.Metric, float64(one.Value)); err != nil {
				return nil, err
			}
		}
	}
	if !t.known() {
		return nil, fmt.Errorf("no operation was counted in %s: scalestack_db_operations_total has no series, or nothing happened", q.over)
	}
	return t, nil
}

func (t *traffic) bucket(m model.Metric, value float64) error {
	bucket, err := strconv.Atoi(string(m["bucket"]))
	if err != nil {
		return fmt.Errorf("scalestack_bucket_operations_total: bucket %q is not a number", m["bucket"])
	}
	if m["kind"] == "write" {
		t.writes[bucket] = value
	} else {
		t.reads[bucket] = value
	}
	return nil
}
