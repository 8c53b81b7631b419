"""The weights of a network by name."""

import keras


def named_weights(network: keras.layers.Layer) -> dict[str, keras.Variable]:
    """Returns all weights by their official names, such as "synthesis.b32.conv0.weight".

    >>> from latentzoo.zoo.gans.mapping import MappingNetwork
    >>> from latentzoo.zoo.gans.named_weights import named_weights
    >>> sorted(named_weights(MappingNetwork(8, 8, 6, depth=1, seed=0)))
    ['fc0.bias', 'fc0.weight', 'w_avg']
    """
    head = f"{network.name}/"
    return {weight.path.split(head, 1)[1].replace("/", "."): weight for weight in network.weights}
