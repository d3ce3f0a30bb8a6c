package reshard_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// CREATE SUBSCRIPTION asks the other server up to three questions, and the connection may
// end before each answer.
func TestAConnectionEndsWhileAStreamIsMade(t *testing.T) {
	const forward, back = 0, 2
	for name, of := range map[string]struct {
		publisher int
		question  string
	}{
		"publications of the stream":   {forward, "t.pubname IN ("},
		"origins of the stream":        {forward, "AS pubname"},
		"tables of the stream":         {forward, "pg_get_publication_tables"},
		"publications of the way back": {back, "t.pubname IN ("},
		"tables of the way back":       {back, "pg_get_publication_tables"},
	} {
		t.Run(name, func(t *testing.T) {
			c := startCluster(t, 3, 400)
			asked := false
			c.cutOnce(c.behind(of.publisher), of.question, func() { asked = true })
			o := c.options(c.desired(3))
			require.NoError(t, c.run(o))
			require.True(t, asked)
			require.Equal(t, o.Map.Assignment, c.owners())
			c.requireClean()
		})
	}
}
