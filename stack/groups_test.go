package stack

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Two programs in one consumer group each get a part of the events and miss the rest.
func TestTwoProgramsDoNotShareAGroup(t *testing.T) {
	const reads = `"replicas":{"min":1,"max":2},"uses":{"consume":{"topics":[%q],"group":"email"}}`
	for name, c := range map[string]struct {
		program, topic string
		refused        bool
	}{
		"another image":           {`"image":"example/audit:1"`, "orders", true},
		"another argument":        {`"image":"example/mail:1","args":["audit"]`, "orders", true},
		"another version":         {`"image":"registry.example.com:5000/mail:2"`, "orders", true},
		"a later version":         {`"image":"example/mail:2"`, "orders", false},
		"a version by its digest": {`"image":"example/mail@sha256:0f0e0d0c0b0a09080706050403020100f0e0d0c0b0a090807060504030201000"`, "orders", false},
		"another topic":           {`"image":"example/audit:1"`, "parcels", false},
	} {
		_, err := load(t, map[string]string{"scalestack:services": fmt.Sprintf(`{"email":{"image":"example/mail:1",`+reads+`},"late":{%s,`+reads+`}}`, "orders", c.program, c.topic)})
		if c.refused {
			require.ErrorContains(t, err, `services.late.uses.consume.group: Invalid value: "email": is the group of service email, another program that reads orders too`, name)
			continue
		}
		require.NoError(t, err, name)
	}
}
