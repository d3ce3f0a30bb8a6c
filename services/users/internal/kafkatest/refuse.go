package kafkatest

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Refuse is a fake broker's answer to a request to produce: it takes nothing, for this reason.
func Refuse(request kmsg.Request, why *kerr.Error) kmsg.Response {
	response := request.ResponseKind().(*kmsg.ProduceResponse)
	for _, topic := range request.(*kmsg.ProduceRequest).Topics {
		answer := kmsg.ProduceResponseTopic{Topic: topic.Topic, TopicID: topic.TopicID}
		for _, partition := range topic.Partitions {
			answer.Partitions = append(answer.Partitions, kmsg.ProduceResponseTopicPartition{Partition: partition.Partition, ErrorCode: why.Code})
		}
		response.Topics = append(response.Topics, answer)
	}
	return response
}
