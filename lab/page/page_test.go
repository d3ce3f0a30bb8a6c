package page

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestOnlyThisMachinesBrowserIsServed(t *testing.T) {
	handler := New(Options{}).Handler()
	answer := func(method, path, host string, header ...string) *httptest.ResponseRecorder {
		request := httptest.NewRequest(method, path, nil)
		request.Host = host
		for i := 0; i+1 < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, request)
		return w
	}
	page := answer("GET", "/", "127.0.0.1:18080")
	require.Equal(t, http.StatusOK, page.Code)
	require.Contains(t, page.Body.String(), "Where users live")
	require.Contains(t, page.Header().Get("Content-Security-Policy"), "default-src 'self'")
	require.Equal(t, http.StatusOK, answer("GET", "/page.js", "localhost:18080").Code)
	require.Equal(t, http.StatusOK, answer("GET", "/page.css", "[::1]:18080").Code)

	require.Equal(t, http.StatusMisdirectedRequest, answer("GET", "/", "lab.example.com:18080").Code, "another name for this address")
	require.Equal(t, http.StatusForbidden, answer("POST", "/load", "127.0.0.1:18080", "Sec-Fetch-Site", "cross-site").Code)
	require.Equal(t, http.StatusForbidden, answer("POST", "/load", "127.0.0.1:18080", "Origin", "http://example.com").Code)
}

func TestNothingComesFromElsewhere(t *testing.T) {
	for _, name := range []string{"index.html", "page.css", "page.js"} {
		content, err := assets.ReadFile("assets/" + name)
		require.NoError(t, err)
		require.NotContains(t, string(content), "://", name)
	}
}

func TestAssignmentPutsTheShardsTogether(t *testing.T) {
	list, buckets, moves := assignment([]holding{
		{Shard: Shard{ID: 0}, owned: []int{0, 3}, moves: []Move{{From: 0, To: 1, Buckets: 1, State: "copied"}}},
		{Shard: Shard{ID: 1}, owned: []int{1}},
	})
	require.Len(t, list, 2)
	require.Equal(t, []int{0, 1, -1, 0}, buckets)
	require.Equal(t, []Move{{From: 0, To: 1, Buckets: 1, State: "copied"}}, moves)
	list, buckets, moves = assignment(nil)
	require.NotNil(t, list)
	require.NotNil(t, buckets)
	require.NotNil(t, moves)
}

func pod(name, part, ip string, port int32) core.Pod {
	return core.Pod{
		ObjectMeta: meta.ObjectMeta{Name: name, Labels: map[string]string{instanceLabel: part}},
		Spec:       core.PodSpec{Containers: []core.Container{{Ports: []core.ContainerPort{{Name: metricsPort, ContainerPort: port}}}}},
		Status: core.PodStatus{
			Phase: core.PodRunning, PodIP: ip, Conditions: []core.PodCondition{{Type: core.PodReady, Status: core.ConditionTrue}},
			ContainerStatuses: []core.ContainerStatus{{RestartCount: 2}},
		},
	}
}

func TestPodsAreSortedWithoutFinishedOnes(t *testing.T) {
	finished := pod("job", "migrate", "", 0)
	finished.Status.Phase = core.PodSucceeded
	ending := pod("b-0", "b", "", 0)
	ending.DeletionTimestamp = &meta.Time{Time: time.Now()}
	require.Equal(t, []Pod{
		{Name: "a-1", Part: "a", Ready: true, Phase: "Running", Restarts: 2},
		{Name: "b-0", Part: "b", Phase: "Terminating", Restarts: 2},
	}, describe([]core.Pod{ending, finished, pod("a-1", "a", "", 0)}))
}

func TestCPUIsUnknownUntilMeasured(t *testing.T) {
	seventy := int32(70)
	require.EqualValues(t, -1, currentCPU(nil))
	require.EqualValues(t, -1, targetCPU(nil))
	require.EqualValues(t, 70, targetCPU([]autoscaling.MetricSpec{{Resource: &autoscaling.ResourceMetricSource{
		Name: core.ResourceCPU, Target: autoscaling.MetricTarget{AverageUtilization: &seventy}}}}))
	require.EqualValues(t, 70, targetCPU([]autoscaling.MetricSpec{{ContainerResource: &autoscaling.ContainerResourceMetricSource{
		Name: core.ResourceCPU, Target: autoscaling.MetricTarget{AverageUtilization: &seventy}}}}))
	require.EqualValues(t, 70, currentCPU([]autoscaling.MetricStatus{{ContainerResource: &autoscaling.ContainerResourceMetricStatus{
		Name: core.ResourceCPU, Current: autoscaling.MetricValueStatus{AverageUtilization: &seventy}}}}))
	require.EqualValues(t, 70, currentCPU([]autoscaling.MetricStatus{{Resource: &autoscaling.ResourceMetricStatus{
		Name: core.ResourceCPU, Current: autoscaling.MetricValueStatus{AverageUtilization: &seventy}}}}))
}

const metrics = `# TYPE scalestack_http_request_seconds histogram
scalestack_http_request_seconds_bucket{code="200",le="+Inf"} 5
scalestack_http_request_seconds_sum{code="200"} 1
scalestack_http_request_seconds_count{code="200"} 5
scalestack_http_request_seconds_bucket{code="503",le="+Inf"} 1
scalestack_http_request_seconds_sum{code="503"} 1
scalestack_http_request_seconds_count{code="503"} 1
# TYPE scalestack_cache_lookups_total counter
scalestack_cache_lookups_total{result="hit"} 3
scalestack_cache_lookups_total{result="miss"} 1
# TYPE scalestack_consumer_events_total counter
scalestack_consumer_events_total{outcome="done"} 7
scalestack_consumer_events_total{outcome="duplicate"} 2
`

func TestFiguresAreSumsOverThePods(t *testing.T) {
	var port int32
	scraped := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/messages/count":
			io.WriteString(w, `{"messages":4,"unique":4}`)
		case "/__edge/answers":
			io.WriteString(w, `{"HIT":2}`)
		default:
			io.WriteString(w, metrics)
		}
	}))
	defer scraped.Close()
	_, err := fmt.Sscanf(scraped.URL, "http://127.0.0.1:%d", &port)
	require.NoError(t, err)
	s := sources{http: scraped.Client(), mail: scraped.URL, edge: scraped.URL}
	gone := pod("gone", "app", "127.0.0.1", 1)
	f, wrong := s.figures(t.Context(), []core.Pod{pod("a", "app", "127.0.0.1", port), pod("b", "email", "127.0.0.1", port), gone})
	require.Empty(t, wrong)
	require.Equal(t, Figures{
		Requests: 12, Failed: 2, CacheHits: 6, CacheAll: 8, Handled: map[string]float64{"email": 7}, Mails: 4, Edge: map[string]int64{"HIT": 2},
	}, f)
	scraped.Close()
	_, wrong = s.figures(t.Context(), nil)
	require.Len(t, wrong, 2, "what cannot be asked is said")
}

func TestOneDeploymentAtATime(t *testing.T) {
	var all tasks
	hold := make(chan struct{})
	require.NoError(t, all.start("add shard 4", func(output io.Writer) error {
		fmt.Fprintln(output, strings.Repeat("line\n", 2*keptLines))
		<-hold
		return errors.New("refused")
	}))
	require.ErrorIs(t, all.start("another", nil), errTask)
	close(hold)
	require.Eventually(t, func() bool { return !all.state().Running }, 5*time.Second, time.Millisecond)
	require.Equal(t, "refused", all.state().Error)
	require.Len(t, all.state().Lines, keptLines)
}

func TestTheLoadIsBoundedAndStops(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	l := &load{http: server.Client(), service: server.URL, edge: server.URL}
	require.NoError(t, l.start())
	require.ErrorIs(t, l.start(), errBusy)
	require.Eventually(t, func() bool { return l.state().Done > 8 }, 10*time.Second, time.Millisecond)
	l.halt()
	require.Eventually(t, func() bool { return !l.state().Running }, 10*time.Second, time.Millisecond)
	require.Less(t, l.state().Done, int64(loadRequests))
	require.Positive(t, l.state().Failed)
}

func TestNothingIsAskedWhileNobodyLooks(t *testing.T) {
	asked, idle := make(chan context.Context, 100), make(chan struct{})
	w := &watch{
		collect: func(ctx context.Context) State { asked <- ctx; return State{} },
		idle:    func() { close(idle) },
	}
	require.Empty(t, asked)
	first, leaveFirst := w.join()
	_, leaveSecond := w.join()
	<-first
	ctx := <-asked
	leaveFirst()
	leaveSecond()
	<-idle
	<-ctx.Done()
}
