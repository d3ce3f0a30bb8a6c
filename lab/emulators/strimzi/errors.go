package strimzi

import (
	"errors"
	"time"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

const (
	// resync is Strimzi's: what was changed behind the operator's back is repaired by then.
	resync = 2 * time.Minute
	// operationTime is Strimzi's default for how long one step may take (STRIMZI_OPERATION_TIMEOUT_MS).
	operationTime = 5 * time.Minute
	// soon is when to look again at something that is on its way.
	soon = 2 * time.Second
)

// notReady is why a resource is not as asked, for its status.
type notReady struct {
	reason, message string
	// again is when to look again.
	again time.Duration
}

func (n *notReady) Error() string { return n.reason + ": " + n.message }

// invalid is what only a change of the resource mends.
func invalid(reason, message string) error { return &notReady{reason, message, resync} }

// waiting is what mends itself.
func waiting(message string) error { return &notReady{"Creating", message, soon} }

// outcome divides what a reconcile came to into what the status says, when to look again, and the error for the
// controller's own back-off.
func outcome(err error, failed func(reason, message string) api.Condition) (api.Condition, time.Duration, error) {
	if err == nil {
		return api.Is(api.Ready, "", ""), resync, nil
	}
	var n *notReady
	if errors.As(err, &n) {
		return failed(n.reason, n.message), n.again, nil
	}
	return failed("KafkaError", err.Error()), 0, err
}

func notReadyIs(reason, message string) api.Condition { return api.Is(api.NotReady, reason, message) }
func readyIsNot(reason, message string) api.Condition { return api.Not(api.Ready, reason, message) }
