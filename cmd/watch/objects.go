package main

import "time"

// snapshot is what kubectl shows of a namespace; the types have the fields that are
// read here.
type snapshot struct {
	namespace string

	Pods   struct{ Items []pod }
	Events struct{ Items []event }
	Kafka  struct{ Items []kafkaResource }
}

type pod struct {
	Metadata struct {
		Name, UID         string
		CreationTimestamp time.Time
		DeletionTimestamp *time.Time
		OwnerReferences   []owner
		Labels            map[string]string
	}
	Status struct {
		Phase                                    string
		Conditions                               []condition
		InitContainerStatuses, ContainerStatuses []container
	}
}

type owner struct{ Kind, Name string }

type condition struct{ Type, Status, Reason, Message string }

type container struct {
	Name         string
	Ready        bool
	RestartCount int
	State        struct {
		Waiting *struct{ Reason, Message string }
		Running *struct{}
	}
	LastState struct {
		Terminated *struct {
			ExitCode int
			Reason   string
		}
	}
}

type event struct {
	Reason, Message          string
	InvolvedObject           struct{ Kind, Name string }
	LastTimestamp, EventTime *time.Time
}

// at is when the event was seen last; events of newer recorders have no last time.
func (e event) at() time.Time {
	switch {
	case e.LastTimestamp != nil:
		return *e.LastTimestamp
	case e.EventTime != nil:
		return *e.EventTime
	}
	return time.Time{}
}
