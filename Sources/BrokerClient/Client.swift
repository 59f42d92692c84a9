public enum BrokerClientPlaceholder {}
