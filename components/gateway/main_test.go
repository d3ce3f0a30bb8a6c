package gateway

import (
	"testing"

	"github.com/scalestack/scalestack/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }
