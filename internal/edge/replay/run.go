package replay

import "io"

// Run replays a whole log and names the settings that would raise its hit ratio most.
func Run(log io.Reader, o Options) (*Report, error) {
	a := NewAdvisor(o)
	lines, unreadable, err := Read(log, a.Add)
	a.Report.Lines, a.Report.Unreadable = lines, unreadable
	a.Report.Advice = a.Best(advised)
	return a.Report, err
}
