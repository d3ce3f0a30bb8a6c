package replay

import "io"

// Run replays a whole log.
func Run(log io.Reader, o Options) (*Report, error) {
	s := New(o)
	lines, unreadable, err := Read(log, s.Add)
	s.Report.Lines, s.Report.Unreadable = lines, unreadable
	return s.Report, err
}
