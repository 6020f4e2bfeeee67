import Kernels
import RunStore
import Tokenization
import Transformer

/// Every hyper-parameter, declared once: from here come the property of ``Hyperparameters``, the option of the command line with
/// its help and its limits, the row in the database, the line of a checkpoint, and the table in `docs/hyperparameters.md`.
///
/// Names follow `transformers`. Defaults were chosen by measurement.
package struct HyperparameterDeclarations: Sendable {
    /// The tokens that are read at a time where nothing else is said, unless the model's own limit is less.
    package static let usualMaxLength = 128
    /// The most tokens that are read at a time because the data has long texts.
    package static let longestByData = 512
    /// Small models on small data need more than BERT's 0.1.
    static let dropoutOfNewModels = 0.3
    /// α / r is 2 then, whatever the rank.
    static func usualAlpha(ofRank rank: Int) -> Double { 2 * Double(rank) }

    package let trainLayers = Hyperparameter<TrainLayers>(
        "train_layers", default: .all,
        help: """
            What of --model is trained: all, head (what is on top of the encoder; the encoder runs over each text once, and \
            epochs then take milliseconds), or a number: the head and so many layers from the top.
            """)
    package let trainEmbeddings = Hyperparameter(
        "train_embeddings", default: false, section: .rare,
        help: "Train the embeddings too, where --train-layers is not all.")
    package let pooling = Hyperparameter<Configuration.Pooling?>(
        "pooling", default: nil,
        help: """
            How tokens become one vector: cls (the first one's, as BERT has it) or mean. (default: as --model says, else mean; of other families than BERT, \
            as transformers has it)
            """)
    package let epochs = Hyperparameter(
        "epochs", default: 4, [.encoderAlone: 8, .fineTuning: 3, .headOnly: 40, .lora: 3], limits: .count,
        help: "Passes over the training data.")
    package let batchSize = Hyperparameter("batch_size", default: 32, limits: .count, help: "Texts in a step.")
    package let gradientAccumulation = Hyperparameter(
        "gradient_accumulation", default: 1, limits: .count,
        section: .rare,
        help: "Batches whose gradients make one step: the same as batches so many times as large, in less memory.")
    package let learningRate = Hyperparameter(
        "learning_rate", default: 1e-4, [.encoderAlone: 5e-4, .fineTuning: 2e-4, .headOnly: 1e-2, .lora: 2e-3],
        limits: .positive,
        help: "The learning rate at the end of warm-up; it then falls linearly to 0.")
    package let layerDecay = Hyperparameter(
        "layer_decay", default: 1.0, [.fineTuning: 0.9], limits: .bounds(above: 0, atMost: 1),
        help: "What the learning rate is multiplied with from each layer to the one below it; 1 is the same for all.")
    package let labelSmoothing = Hyperparameter(
        "label_smoothing", default: 0.0, limits: .bounds(atLeast: 0, below: 1),
        section: .rare, help: "How much of each label's probability is spread over all labels: 0.1, say.")
    package let classWeights = Hyperparameter<ClassWeights>(
        "class_weights", default: .none, valueName: "weights",
        help: """
            How much each label counts: none (all the same), balanced (the rarer, the more), or label=weight,… (1 for the \
            others).
            """)
    package let weightDecay = Hyperparameter(
        "weight_decay", default: 0.01, limits: .bounds(atLeast: 0),
        section: .rare, help: "AdamW's decay of weights; biases and LayerNorm do not decay.")
    package let warmupRatio = Hyperparameter(
        "warmup_ratio", default: 0.1, limits: .bounds(atLeast: 0, atMost: 1),
        section: .rare, help: "The share of steps in which the learning rate rises.")
    package let problemType = Hyperparameter<Configuration.ProblemType?>(
        "problem_type", default: nil, section: .rare, valueName: "type",
        help: """
            What the labels are: single_label_classification (each text has one), multi_label_classification (any number, \
            between '|' or as a JSON array) or regression (each is a number, which is to be predicted). (default: multi_label_classification if a \
            label of the training data has a '|' or is an array, else single_label_classification)
            """)
    package let maxLength = Hyperparameter<Int?>(
        "max_length", default: nil,
        limits: .ifGiven(.bounds(atLeast: 2, ceiling: 1_000_000_000, because: "[CLS] and [SEP]")),
        help: """
            Read so many tokens of a text at a time, special tokens included. (default: the least of \
            \(usualMaxLength), 256 and \(longestByData) that cuts off at most 1 % of the training texts, within the limit of --model and \
            2 GB for a batch; \(usualMaxLength) where --long-texts is not truncate)
            """)
    package let longTextsMethod = Hyperparameter<LongTexts.Method>(
        "long_texts", default: .truncate,
        help: """
            What is done with texts that have more than --max-length tokens: truncate (the beginning is read), head-tail (a \
            quarter of the tokens from the beginning, the rest from the end), or windows (all is read, in windows that \
            overlap; the logits are averaged, and in training each window carries its text's label).
            """)
    package let stride = Hyperparameter<Int?>(
        "stride", default: nil, limits: .ifGiven(.count), section: .rare, valueName: "tokens",
        help: "With windows: tokens from the beginning of one to that of the next. (default: half a window)")
    package let maxGradNorm = Hyperparameter(
        "max_grad_norm", default: 1.0, limits: .positive, section: .rare, help: "Scale gradients down to this norm.")
    package let onNonFinite = Hyperparameter<NonFiniteSteps>(
        "on_non_finite", default: .stop, section: .rare, valueName: "action",
        help: """
            What is done with a step whose loss or gradients are not finite: stop (the training ends as failed, with the best \
            weights until then) or skip-step (it is left out).
            """)
    package let dropout = Hyperparameter<Double?>(
        "dropout", default: nil, limits: .ifGiven(.bounds(atLeast: 0, below: 1)),
        help: """
            The share of hidden states and attention probabilities that is dropped. (default: \(dropoutOfNewModels), or as \
            --model says)
            """)
    package let distillationTemperature = Hyperparameter(
        "distillation_temperature", default: 2.0, limits: .positive, section: .rare,
        help:
            "With --teacher: what its logits and the model's are divided by, so that what is improbable is learned too."
    )
    package let distillationWeight = Hyperparameter(
        "distillation_weight", default: 0.5, limits: .bounds(atLeast: 0, atMost: 1), section: .rare,
        help: "With --teacher: its share in the loss of a text that has a label; a text without one has no other.")
    package let logLayerNorms = Hyperparameter(
        "log_layer_norms", default: false, section: .rare,
        help: """
            Record the norms of gradients and hidden states of each layer too (grad_norm.layer_1, activation_norm.layer_1, …), every ten steps.
            """)
    package let precision = Hyperparameter<Precision>(
        "precision", default: .float32, valueName: "fp32|bf16",
        help: """
            In how many bits the encoder's matrices are multiplied: fp32, or bf16 (16 bits, with sums in 32, on processors with AVX512-BF16); what is learned \
            is kept in 32.
            """)
    /// It decides about the initial weights, the order of examples, dropout, and what is held out.
    package let seed = Hyperparameter<UInt64>(
        "seed", default: 42, limits: .bounds(ceiling: UInt64(Int64.max)),
        help: "The seed of everything random. The same seed and threads give the same model, bit for bit.")
    package let threads = Hyperparameter<Int?>(
        "threads", default: nil, limits: .ifGiven(.bounds(atLeast: 1, ceiling: Workers.mostThreads)),
        help: "Threads to use. (default: one for each processor that may be used)")

    package let loraRank = Hyperparameter<Int?>(
        "lora_rank", default: nil, limits: .ifGiven(.count), section: .adapter, valueName: "rank",
        help: """
            Leave --model as it is, and train low-rank updates beside some of its weights, LoRA, of this rank (8, say), and the head. \
            --output becomes the folder of an adapter in PEFT's format. --pooling is then cls if --model does not say.
            """)
    package let loraAlpha = Hyperparameter<Double?>(
        "lora_alpha", default: nil, limits: .ifGiven(.positive), section: .adapter,
        help: "The updates are multiplied with alpha / rank. (default: twice the rank)")
    package let loraTargets = Hyperparameter<LoRATargets>(
        "lora_targets", default: .usual, section: .adapter, valueName: "targets",
        help:
            "What has updates: \(LoRA.Target.allCases.map(\.rawValue).joined(separator: ", ")), or all (but for the pooler)."
    )
    package let loraDropout = Hyperparameter(
        "lora_dropout", default: 0.0, limits: .bounds(atLeast: 0, below: 1), section: .adapter,
        help: "The share of an update's input that is dropped.")

    package let fewShot = Hyperparameter(
        "few_shot", default: false, section: .fewShot,
        help: """
            For a handful of labelled texts: tune the encoder of --model by all pairs of texts first, so that texts of one label come to lie \
            together, as SetFit does, and then train the head on what it makes of them. Without --dev, all texts are learned.
            """)
    package let contrastiveSteps = Hyperparameter<Int?>(
        "contrastive_steps", default: nil, limits: .ifGiven(.count), section: .fewShot,
        help:
            "Steps in which the encoder is tuned, of up to --batch-size texts each. (default: as many as four passes over the texts have, and at least 6)"
    )
    package let contrastiveLearningRate = Hyperparameter(
        "contrastive_learning_rate", default: 2e-4, limits: .positive, section: .fewShot,
        help: "The learning rate of these steps.")

    package let layers = Hyperparameter(
        "layers", default: 2, limits: .count, section: .newModel, help: "Encoder layers.")
    package let hiddenSize = Hyperparameter(
        "hidden_size", default: 128, limits: .count, section: .newModel, help: "The width of hidden states.")
    package let heads = Hyperparameter(
        "heads", default: 4, limits: .count, section: .newModel, help: "Attention heads; they divide the hidden size.")
    package let intermediateSize = Hyperparameter(
        "intermediate_size", default: 512, limits: .count, section: .newModel,
        help: "The width inside the feed-forward sublayer.")
    package let tokenizer = Hyperparameter<SubwordKind>(
        "tokenizer", default: .wordPiece, section: .newModel, valueName: "kind",
        help: """
            The kind of tokens that are learned from the training texts: wordpiece (BERT's), bpe (merged bytes, as RoBERTa has them) or unigram (SentencePiece's \
            usual model).
            """)
    package let vocabSize = Hyperparameter(
        "vocab_size", default: 8000, limits: .bounds(atLeast: 10), section: .newModel,
        help: "The largest vocabulary that is learned.")
    package let ngrams = Hyperparameter<Switch>(
        "ngrams", default: .on, section: .newModel, valueName: "on|off",
        help: """
            Whether a linear classifier on n-grams of tokens and characters stands beside the encoder, whose logits are added: it knows from \
            few texts what an encoder learns from many. By itself it is off with --pooling cls, whose folder transformers reads, and where there is too much text \
            for this machine's memory.
            """)
    package let initializerRange = Hyperparameter(
        "initializer_range", default: 0.02, limits: .bounds(above: 0, atMost: 10), section: .newModel,
        valueName: "deviation",
        help:
            "The standard deviation of initial weights; BERT's, though 1 / √hidden-size would keep the variance of what passes."
    )
    package let norm = Hyperparameter<AddNormVariant.Norm>(
        "norm", default: .layerNorm, section: .newModel,
        help: """
            What normalises around each sublayer: layernorm, rmsnorm, dyt (tanh, without statistics), batchnorm (over the tokens of a batch), or \
            none.
            """)
    package let normPlacement = Hyperparameter<AddNormVariant.Placement>(
        "norm_placement", default: .post, section: .newModel,
        help: """
            Where the norm stands: post (BERT's: after the residual sum), pre (before the sublayer), or sandwich (before and after it).
            """)
    package let residual = Hyperparameter<AddNormVariant.Residual>(
        "residual", default: .on, section: .newModel,
        help: """
            What goes past each sublayer F: on (x + F(x)), off (nothing), rezero (x + a·F(x), with an a that begins at 0, and no norm), or \
            deepnorm (αx + F(x), α by the number of layers).
            """)

    package let devFraction = Hyperparameter(
        "dev_fraction", default: 0.1, limits: .bounds(atLeast: 0, below: 1), section: .selection,
        help:
            "Without --dev: the share of the training data that is held out, of each label where a text has one; with --few-shot none (0)."
    )
    package let metric = Hyperparameter<EvaluationMetric>(
        "metric", default: .usual, section: .selection, valueName: "metric",
        help: """
            What the best epoch is chosen by, on the dev data: accuracy, macro_f1, weighted_f1, f1:LABEL (of one label), mcc, roc_auc or \
            log_loss; with --problem-type regression mse (the default there), mae, pearson or spearman. Of equal ones, the one of the lower loss.
            """)
    package let earlyStopping = Hyperparameter<Int?>(
        "early_stopping", default: nil, limits: .ifGiven(.count), section: .selection,
        help: "End after so many epochs without a better one.")
}
