/// What the classifier on top of a pretrained model is to be trained for.
package struct WantedHead {
    /// Of the training data.
    let labels: [String]
    let problemType: Configuration.ProblemType
    /// Whether the one that is there is replaced even if it knows all labels.
    let isNew: Bool
    /// How it reads the tokens of a text where the folder has no classifier; nil: as the family's.
    let pooling: Configuration.Pooling?

    package init(
        labels: [String], problemType: Configuration.ProblemType = .singleLabel, isNew: Bool = false,
        pooling: Configuration.Pooling? = nil
    ) {
        (self.labels, self.problemType, self.isNew, self.pooling) = (labels, problemType, isNew, pooling)
    }
}
