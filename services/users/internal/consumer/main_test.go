package consumer_test

import (
	"testing"

	"github.com/scalestack/scalestack/sharding/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }
