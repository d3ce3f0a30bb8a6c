package bench

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// Machine describes when and on what something was measured, and how busy the machine
// is: its load over the last 1, 5 and 15 minutes.
func Machine() string {
	text, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("%s, %s, CPUs for this program: %d, load %s",
		time.Now().UTC().Format("2006-01-02 15:04"), runtime.Version(), runtime.NumCPU(), load(string(text)))
}

// load is the part of /proc/loadavg that tells it.
func load(text string) string {
	fields := strings.Fields(text)
	if len(fields) < 3 {
		return "not known"
	}
	return strings.Join(fields[:3], " ")
}
