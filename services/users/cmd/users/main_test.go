package main

import (
	"os"
	"testing"

	"github.com/scalestack/scalestack/sharding/testenv"
)

func TestMain(m *testing.M) {
	if os.Getenv(aloneVariable) != "" {
		serveAlone()
		return
	}
	testenv.Main(m)
}
