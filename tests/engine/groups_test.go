package engine

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// A consumer under another name goes on where it was, or says that it begins anew.
func TestARenamedConsumerKeepsItsPlace(t *testing.T) {
	consumer := func(name, more string) string {
		return fmt.Sprintf(`{"%s":{"image":"a:1","uses":{"consume":{"topics":["orders","returns"]%s}}}}`, name, more)
	}
	const refusal = `scalestack:services.mailer.uses.consume.group: Invalid value: "mailer": is a new group, and nobody would go on where group mail is in topic orders. ` +
		`Fix: group mail; or, if the service shall begin anew, take the former one out in a deployment before`
	config := map[string]string{"services": consumer("mail", "")}
	r := newStack(t, config)
	r.mustRun(update)

	config["services"] = consumer("mailer", "")
	for _, preview := range []bool{true, false} {
		said, err := r.run(update, preview)
		require.Error(t, err)
		require.Contains(t, said, refusal)
		require.Empty(t, r.done)
	}
	config["services"] = consumer("mailer", `,"group":"mail"`)
	r.mustRun(update)
	require.Contains(t, r.done, "create Deployment mailer-deployment")
	r.mustRun(update)
	require.Empty(t, r.done)

	config["services"] = `{"other":{"image":"a:1","uses":{"produce":["orders"]}}}`
	r.mustRun(update)
	config["services"] = consumer("mail", "")
	r.mustRun(update)
	config["services"] = `{"mail":{"image":"a:1","uses":{"consume":{"topics":["orders"]}}},"stock":{"image":"a:1","uses":{"consume":{"topics":["orders"]}}}}`
	r.mustRun(update)
}
