package dev.consilium.gateway.generation;

import java.util.Map;
import java.util.OptionalLong;

/** Sampling that begins with a model's defaults and takes what the client set. One thread. */
public final class SamplingBuilder {
  private float temperature;
  private int topK;
  private float topP;
  private float minP;
  private float repetition;
  private float presence;
  private float frequency;
  private Map<Integer, Float> logitBias;
  private OptionalLong seed;

  public SamplingBuilder(Sampling defaults) {
    temperature = defaults.temperature();
    topK = defaults.truncation().topK();
    topP = defaults.truncation().topP();
    minP = defaults.truncation().minP();
    repetition = defaults.penalties().repetition();
    presence = defaults.penalties().presence();
    frequency = defaults.penalties().frequency();
    logitBias = defaults.logitBias();
    seed = defaults.seed();
  }

  public void temperature(double value) {
    temperature = (float) value;
  }

  public void topK(int value) {
    topK = value;
  }

  public void topP(double value) {
    topP = (float) value;
  }

  public void minP(double value) {
    minP = (float) value;
  }

  public void repetitionPenalty(double value) {
    repetition = (float) value;
  }

  public void presencePenalty(double value) {
    presence = (float) value;
  }

  public void frequencyPenalty(double value) {
    frequency = (float) value;
  }

  public void logitBias(Map<Integer, Float> value) {
    logitBias = value;
  }

  public void seed(long value) {
    seed = OptionalLong.of(value);
  }

  public Sampling build() {
    return new Sampling(
        temperature,
        new Sampling.Truncation(topK, topP, minP),
        new Sampling.Penalties(repetition, presence, frequency),
        logitBias,
        seed);
  }
}
