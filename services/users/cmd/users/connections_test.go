package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAnIdleConnectionCostsLittle holds the figure by which the limit of
// connections was chosen: 2,000 of them leave a container of 128 MiB enough.
func TestAnIdleConnectionCostsLittle(t *testing.T) {
	at, _, stop, ended := startServer(t, 0, time.Minute)
	const n, most = 900, 32 << 10
	before := inUse()
	conns := make([]net.Conn, n)
	for i := range conns {
		var err error
		conns[i], err = net.Dial("tcp", strings.TrimPrefix(at.url, "http://"))
		require.NoError(t, err)
		_, err = io.WriteString(conns[i], "GET "+anAsset+" HTTP/1.1\r\nHost: users\r\n\r\n")
		require.NoError(t, err)
		response, err := http.ReadResponse(bufio.NewReaderSize(conns[i], 16), nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, response.StatusCode)
	}
	each := (inUse() - before) / n
	t.Logf("%d bytes for each of %d idle connections, both ends", each, n)
	require.Less(t, each, int64(most))
	for _, conn := range conns {
		require.NoError(t, conn.Close())
	}
	stop()
	require.NoError(t, <-ended)
}

func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
